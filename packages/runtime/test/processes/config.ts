import { commonSettings, loadConfigOrExit } from '../../src/index.ts';

console.log(loadConfigOrExit(commonSettings).host);
