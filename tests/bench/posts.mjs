// N POSTs of one body, so many at once, by undici's Pool or by Node's fetch. Prints how many were answered 2xx.
// Usage: node posts.mjs undici|fetch URL N CONCURRENCY BODY-FILE
import { readFileSync } from "node:fs";

const [kind, url, count, atOnce, file] = process.argv.slice(2);
const body = readFileSync(file);
const headers = { "content-type": "application/json", "idempotency-key": "0123456789abcdef0123456789abcdef" };
let left = Number(count), good = 0, post;

if (kind === "undici") {
	const { Pool } = await import("undici");
	const { origin, pathname } = new URL(url);
	const pool = new Pool(origin, { connections: Number(atOnce), pipelining: 1 });
	post = async () => {
		const answer = await pool.request({ path: pathname, method: "POST", headers, body });
		await answer.body.dump();
		return answer.statusCode;
	};
} else {
	post = async () => {
		const answer = await fetch(url, { method: "POST", headers, body });
		await answer.arrayBuffer();
		return answer.status;
	};
}
// Not `good += await …`: that would read good before the answer is there.
const counted = status => { good += Math.floor(status / 100) === 2; };
await Promise.all(Array.from({ length: Number(atOnce) }, async () => {
	while (left-- > 0)
		counted(await post());
}));
console.log(good);
process.exit(good === Number(count) ? 0 : 1);
