export { refuse } from '../../runtime/refusals.ts';
