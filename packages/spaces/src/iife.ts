import { ErrorInfo, InvalidArgumentError } from './errors.ts';
import { Spaces } from './spaces.ts';
import { VERSION } from './version.ts';

// A page gets one global, and it is the class: what a module would export beside it hangs on it.
export default Object.assign(Spaces, { Spaces, ErrorInfo, InvalidArgumentError, VERSION });
