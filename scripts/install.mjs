// Installs what the lock file says, unless it is there already.
import { isInStep } from './lockStep.mjs';
import { root, step } from './step.mjs';

if (await isInStep(root)) console.log('dependencies are as the lock file says');
else if (!(await step('npm', ['ci', '--no-audit', '--no-fund']))) process.exitCode = 1;
