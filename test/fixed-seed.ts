import fc from 'fast-check';

/**
 * Property tests of one run look at the same cases as those of the next, so that what fails fails again. Another seed
 * (MESITA_TEST_SEED) gives other ones, and a single file, run by itself, has new ones each time.
 */
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.MESITA_TEST_SEED ?? 1) });
