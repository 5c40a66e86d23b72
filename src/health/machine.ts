// Facts about the machine. systeminformation is imported only here.
import { cpu, mem, osInfo, system } from 'systeminformation';

export type MachineFacts = {
  readonly model: string;
  readonly operatingSystem: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryMegabytes: number;
  readonly freeMemoryMegabytes: number;
  readonly runtime: string;
};

const MEGABYTE = 1024 * 1024;

export async function readMachineFacts(): Promise<MachineFacts> {
  const [computer, os, processor, memory] = await Promise.all([system(), osInfo(), cpu(), mem()]);
  return {
    model: `${computer.manufacturer} ${computer.model}`.trim(),
    operatingSystem: `${os.distro} ${os.release} ${os.arch}`.trim(),
    processor: `${processor.manufacturer} ${processor.brand}`.trim(),
    cores: processor.cores,
    memoryMegabytes: Math.round(memory.total / MEGABYTE),
    freeMemoryMegabytes: Math.round(memory.available / MEGABYTE),
    runtime: `Node ${process.versions.node}`
  };
}
