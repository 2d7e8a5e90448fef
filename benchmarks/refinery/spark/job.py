"""The same work as a PySpark job: bronze NDJSON, typed and without duplicates, to Parquet, then an upsert into PostgreSQL.

Runs once for every line on standard input (the second run is the warm one), on emptied tables, and answers each with a
line of JSON. Usage: job.py BRONZE SILVER JDBC_URL JAR PARALLELISM
"""

import json
import sys

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as f

bronze, silver, url, jar, parallelism = sys.argv[1:]
spark = (
    SparkSession.builder.master(f"local[{parallelism}]")
    .config("spark.driver.memory", "4g")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .config("spark.jars", jar)
    .config("spark.driver.extraClassPath", jar)
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.ansi.enabled", "false")
    .config("spark.sql.legacy.timeParserPolicy", "CORRECTED")
    .config("spark.sql.shuffle.partitions", "4")
    .config("spark.sql.parquet.compression.codec", "zstd")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
connection = spark._jvm.java.sql.DriverManager.getConnection(url)
lineage = ["_topic", "_partition", "_offset", "_timestamp_ms"]
loaded = ["_timestamp_ms", "_partition", "_offset"]

countries = {
    "US": ["us", "usa", "united states"],
    "GB": ["gb", "uk", "united kingdom"],
    "DE": ["de", "deu", "germany"],
    "TR": ["tr", "tur", "turkey"],
    "FR": ["fr", "fra", "france"],
    "NL": ["nl", "the netherlands"],
    "ES": ["es", "spain"],
    "JP": ["jp", "japan"],
}
codes = f.create_map(*[f.lit(text) for code, names in countries.items() for name in names for text in (name, code)])


def column(name):
    return f.trim(f.col(f"value.{name}"))


def word(name):
    return f.lower(column(name))


def one_of(name, words):
    return f.when(word(name).isin(words), word(name))


def identifier(name):
    return f.when(column(name).rlike("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"), word(name))


def instant(name):
    return f.to_timestamp(column(name), "yyyy-MM-dd'T'HH:mm:ss.SSSX")


def day(name):
    text = column(name)
    return (
        f.when(text.contains("-"), f.to_date(text, "yyyy-M-d"))
        .when(text.contains("/"), f.to_date(text, "yyyy/M/d"))
        .otherwise(f.to_date(text, "dd.MM.yyyy"))
    )


def amount(name):
    return f.regexp_replace(column(name), "[$€, ]", "").cast("decimal(18,4)")


def country(name):
    return codes[f.regexp_replace(word(name), "[.]", "")]


def phone(name):
    digits = f.regexp_replace(column(name), "[ ()./-]", "")
    return f.when(digits.rlike("^[+][1-9][0-9]{7,14}$"), digits)


def currency(name):
    return f.when(column(name).rlike("^[A-Za-z]{3}$"), f.upper(column(name)))


def email(name):
    return f.when(column(name).rlike("^[^@ ]+@[^@ ]+[.][^@ ]+$"), word(name))


datasets = {
    "users": dict(
        folder="profiles-folder",
        key="user_id",
        fields=dict(
            user_id=identifier,
            full_name=column,
            email=email,
            phone=phone,
            birth_date=day,
            address=column,
            city=column,
            country=country,
            registered_at=instant,
            updated_at=instant,
        ),
    ),
    "accounts": dict(
        folder="account-folder",
        key="account_id",
        fields=dict(
            account_id=identifier,
            user_id=identifier,
            type=lambda name: one_of(name, ["checking", "savings", "credit"]),
            balance=amount,
            currency=currency,
            status=lambda name: one_of(name, ["active", "dormant", "frozen", "closed"]),
            opened_at=instant,
            updated_at=instant,
        ),
    ),
    "merchants": dict(
        folder="merchant-folder",
        key="merchant_id",
        fields=dict(
            merchant_id=identifier,
            name=column,
            category=word,
            risk=lambda name: one_of(name, ["low", "medium", "high"]),
            country=country,
            city=column,
            updated_at=instant,
        ),
    ),
}


def execute(sql):
    statement = connection.createStatement()
    statement.execute(sql)
    statement.close()


def refine(name, folder, key, fields):
    value = ", ".join(f"{field}: string" for field in fields)
    schema = f"topic string, partition int, offset bigint, timestamp bigint, format string, value struct<{value}>"
    read = spark.read.schema(schema).json(f"{bronze}/{folder}/*/*.ndjson")
    typed = read.select(
        *[make(field).alias(field) for field, make in fields.items()],
        f.col("topic").alias("_topic"),
        f.col("partition").alias("_partition"),
        f.col("offset").alias("_offset"),
        f.col("timestamp").alias("_timestamp_ms"),
    )
    good = typed.where(" AND ".join(f"{field} IS NOT NULL" for field in fields))
    newest = Window.partitionBy(key).orderBy(
        *[f.col(one).desc() for one in ("updated_at", "_timestamp_ms", "_partition", "_offset")]
    )
    kept = good.withColumn("_place", f.row_number().over(newest)).where("_place = 1").drop("_place")
    kept.write.mode("overwrite").parquet(f"{silver}/{name}")


def load(name, folder, key, fields):
    columns = [*fields, *loaded]
    listed = ", ".join(columns)
    execute(f"DROP TABLE IF EXISTS staging_{name}")
    execute(f"CREATE UNLOGGED TABLE staging_{name} AS SELECT {listed} FROM {name} WITH NO DATA")
    rows = spark.read.parquet(f"{silver}/{name}").select(*columns).coalesce(2)
    options = {"driver": "org.postgresql.Driver", "batchsize": "10000"}
    rows.write.mode("append").options(**options).jdbc(
        f"{url}&reWriteBatchedInserts=true&stringtype=unspecified", f"staging_{name}"
    )
    others = [column for column in columns if column != key]
    execute(
        f"INSERT INTO {name} AS present ({listed}) SELECT {listed} FROM staging_{name} ON CONFLICT ({key}) DO UPDATE SET "
        + ", ".join(f"{column} = excluded.{column}" for column in others)
        + " WHERE (excluded.updated_at, excluded._timestamp_ms) > (present.updated_at, present._timestamp_ms)"
    )
    execute(f"DROP TABLE staging_{name}")


for _ in sys.stdin:
    for step in (refine, load):
        for name, dataset in datasets.items():
            step(name, **dataset)
    print(json.dumps({"done": True}), flush=True)
spark.stop()
