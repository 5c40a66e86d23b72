// OpenSSL's own command line as the other side of a DTLS handshake. What it prints is the evidence: the exporter's value, the SRTP profile, the alert.
// Each peer is a process of its own that its owner ends. Keys are written to a folder that the caller removes.
import { execFile, spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CallCertificate } from '../../src/encryption/call-certificate.ts';
import { certificatePemOf, keyPemOf } from '../fakes/pem.ts';

const SAID_LIMIT_MS = 20_000;

export type CertificateFiles = { readonly certificate: string; readonly key: string; readonly thumbprint: Uint8Array };

export async function writeCallCertificate(folder: string, name: string, certificate: CallCertificate): Promise<CertificateFiles> {
  const files = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}-key.pem`), thumbprint: certificate.thumbprint };
  await Promise.all([writeFile(files.certificate, certificatePemOf(certificate)), writeFile(files.key, keyPemOf(certificate.privateKey), { mode: 0o600 })]);
  return files;
}

/** One that OpenSSL made. @param newKey as its req command takes it: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['rsa:2048'] */
export async function makeCertificate(folder: string, name: string, newKey: readonly string[]): Promise<CertificateFiles> {
  const [certificate, key] = [join(folder, `${name}.pem`), join(folder, `${name}-key.pem`)];
  const request = ['req', '-x509', '-newkey', ...newKey, '-noenc', '-sha256', '-days', '1', '-subj', `/CN=${name}`, '-keyout', key, '-out', certificate];
  await promisify(execFile)('openssl', request);
  const { raw } = new X509Certificate(await readFile(certificate));
  return { certificate, key, thumbprint: createHash('sha256').update(raw).digest() };
}

export type OpensslPeer = AsyncDisposable & {
  /** What fits the pattern in all that it printed, as soon as it is there; whole lines, since output comes in pieces. @throws where it ends without it, or in time */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** A line of its own commands, as s_client(1) and s_server(1) list them. */
  command(line: string): void;
};

export type OpensslOptions = {
  readonly arguments: readonly string[];
  /** A file of openssl-config(5): some protocol options have no argument. */
  readonly configuration?: string | undefined;
};

function start(program: 's_client' | 's_server', { arguments: list, configuration }: OpensslOptions): OpensslPeer {
  const environment = { ...process.env, ...(configuration === undefined ? {} : { OPENSSL_CONF: configuration }) };
  // Its standard input stays open: at its end the program does.
  const child = spawn('openssl', [program, '-dtls1_2', ...list], { stdio: ['pipe', 'pipe', 'pipe'], env: environment });
  let output = '';
  let ended = false;
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watcher of [...watchers]) watcher();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      changed();
    });
  }
  // A command to a program that has just ended.
  child.stdin.on('error', () => {});
  const gone = new Promise<void>((resolve) => {
    const end = (): void => {
      ended = true;
      changed();
      resolve();
    };
    child.once('close', end);
    child.once('error', end);
  });
  return {
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const settle = (finish: () => void): void => {
          clearTimeout(limit);
          watchers.delete(look);
          finish();
        };
        const fail = (why: string) => settle(() => reject(new Error(`openssl ${program} ${why} before it said ${pattern}:\n${output}`)));
        const look = (): void => {
          const found = pattern.exec(output);
          if (found !== null) settle(() => resolve(found));
          else if (ended) fail('ended');
        };
        const limit = setTimeout(() => fail('took too long'), SAID_LIMIT_MS);
        watchers.add(look);
        look();
      }),
    command: (line) => child.stdin.write(`${line}\n`),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await gone;
    }
  };
}

export type OpensslServer = OpensslPeer & { readonly port: number };

/** Resolves when it listens. */
export async function startOpensslServer(options: OpensslOptions): Promise<OpensslServer> {
  const peer = start('s_server', { ...options, arguments: ['-accept', '127.0.0.1:0', ...options.arguments] });
  try {
    const [, port] = await peer.said(/^ACCEPT 127\.0\.0\.1:(\d+)\n/m);
    return { ...peer, port: Number(port) };
  } catch (error) {
    await peer[Symbol.asyncDispose]();
    throw error;
  }
}

export const startOpensslClient = (serverPort: number, options: OpensslOptions): OpensslPeer =>
  start('s_client', { ...options, arguments: ['-connect', `127.0.0.1:${serverPort}`, ...options.arguments] });

export type OpensslAgreed = { readonly suite: string; readonly srtpProfile: string; readonly material: string };

/** What it holds after the handshake, in its own names; the material in hexadecimal digits. */
export async function agreedWith(peer: OpensslPeer): Promise<OpensslAgreed> {
  const [, material = ''] = await peer.said(/^ {4}Keying material: ([0-9A-F]+)\n/m);
  const [, suite = ''] = await peer.said(/cipher is (\S+)\n/i);
  const [, srtpProfile = ''] = await peer.said(/^SRTP Extension negotiated, profile=(\S+)\n/m);
  return { suite, srtpProfile, material: material.toLowerCase() };
}

/** The number of the alert that came to it. */
export const alertTo = async (peer: OpensslPeer): Promise<number> => Number((await peer.said(/SSL alert number (\d+)\n/))[1]);
