// Loaded before a program: a driver that holds its thread for good as soon as an encoder is opened.
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier.endsWith('/native-encoder.ts')
      ? { url: 'data:text/javascript,export const openNativeEncoder = () => { for (;;); };', shortCircuit: true }
      : next(specifier, context)
});
