// dt-sql-parser names its own modules without endings, as bundlers want it: node looks for them here.
import { register } from 'node:module';

const hook = `
export async function resolve(specifier, context, next) {
	for (const ending of ['', '.js', '/index.js']) {
		try {
			return await next(specifier + ending, context);
		} catch (error) {
			if (ending === '/index.js' || !['ERR_MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT'].includes(error.code))
				throw error;
		}
	}
}`;
register('data:text/javascript,' + encodeURIComponent(hook));
