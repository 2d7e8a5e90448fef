# Apache Kafka from Maven, one KRaft node on loopback, for the scripts beside and around. Sourced.

# free_ports <n>: that many ports that nobody listens on, on a line.
free_ports() {
  node -e '
    const { createServer } = require("node:net")
    const servers = Array.from({ length: Number(process.argv[1]) }, () => createServer())
    let open = 0
    for (const server of servers) server.listen(0, "127.0.0.1", () => {
      if (++open < servers.length) return
      console.log(servers.map((each) => each.address().port).join(" "))
      for (const each of servers) each.close()
    })' "$1"
}

# start_kafka <work folder> <version> <cluster id> <host:port>: with the folder's server.properties; sets `broker`,
# the process, and returns when it serves.
start_kafka() {
  local work=$1 version=$2 cluster=$3 address=$4
  mvn -q -B -f "$(dirname "${BASH_SOURCE[0]}")/pom.xml" "-Dkafka.version=$version" dependency:copy-dependencies \
    -DoutputDirectory="$work/libs" -DincludeScope=runtime
  local java=(java -Xmx512m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$work/libs/*")
  "${java[@]}" kafka.tools.StorageTool format -t "$cluster" -c "$work/server.properties" > "$work/format.log" 2>&1 \
    || { cat "$work/format.log"; return 1; }
  "${java[@]}" kafka.Kafka "$work/server.properties" > "$work/kafka.log" 2>&1 &
  broker=$!
  KAFKA_BROKERS=$address node --input-type=module -e '
    import { Kafka, logLevel } from "kafkajs"
    const retry = { retries: 60, maxRetryTime: 1000 }
    const admin = new Kafka({ brokers: [process.env.KAFKA_BROKERS], logLevel: logLevel.NOTHING, retry }).admin()
    await admin.connect()
    await admin.listTopics()
    await admin.disconnect()' || { tail -n 30 "$work/kafka.log"; return 1; }
  echo "Apache Kafka $version serves on $address"
}
