import { readdir, readFile } from 'node:fs/promises'
import { familyOf } from '#operations/cli/view/memory.ts'

/** What the kernel counted of a process and all its descendants; those that have ended count with whoever waited for them. */
export type Usage = { readonly cpuSeconds: number; readonly peakRssMb: number }

const ticksPerSecond = 100 // USER_HZ, of /proc/<pid>/stat on all of Linux's usual platforms

export async function usageOf(root: number): Promise<Usage> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const parents = await Promise.all(
    pids.map(async (pid) => ({ pid, parent: Number((await statOf(pid))[1] ?? 0) })),
  )
  const each = await Promise.all(
    familyOf(parents, [root]).map(async ({ pid }) => {
      const stat = await statOf(pid)
      const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(stat[at] ?? 0), 0)
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      const peakKb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
      return { cpuSeconds: ticks / ticksPerSecond, peakRssMb: (peakKb * 1024) / 1e6 }
    }),
  )
  const sum = (name: keyof Usage) => each.reduce((total, one) => total + one[name], 0)
  return { cpuSeconds: sum('cpuSeconds'), peakRssMb: sum('peakRssMb') }
}

/** What follows the program's name in `/proc/<pid>/stat`: its state, its parent, …; empty when it has ended. */
async function statOf(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return text.replace(/^.*\) /s, '').split(' ')
}
