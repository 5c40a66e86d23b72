// The part of the package espeak-ng that is used: the program's main function over a file system in memory (Emscripten).
declare module 'espeak-ng' {
  type Files = { writeFile(path: string, data: string): void; readFile(path: string): Uint8Array };
  type Options = {
    readonly arguments: readonly string[];
    readonly preRun: readonly ((module: { readonly FS: Files }) => void)[];
    readonly print: (line: string) => void;
    readonly printErr: (line: string) => void;
  };
  const espeakNg: (options: Options) => Promise<{ readonly FS: Files }>;
  export = espeakNg;
}
