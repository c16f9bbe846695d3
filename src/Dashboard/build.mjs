// Builds the page for the gateway's build: `node build.mjs OUT STAMP`. Exit 0: built, or up to date; exit 3: npm could not install, so there is no page; else: the page has an error.
// Two builds at once take turns, and the result is swapped in whole, so that nobody sees half of it.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants as zlib, gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const [out, stamp] = process.argv.slice(2).map((path) => resolve(path));
const lock = join(here, '.build-lock');
const notInstalled = 3;

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Waits for whoever builds now; a lock whose owner is gone is taken over. */
function takeLock() {
  const waiting = new Int32Array(new SharedArrayBuffer(4));
  for (let seconds = 0; seconds < 900; seconds++) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      process.on('exit', () => rmSync(lock, { force: true }));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw error;
      }
    }

    try {
      const owner = Number(readFileSync(lock, 'utf8'));
      // An empty file is one whose owner has created it and not yet written its number.
      if (owner ? !isAlive(owner) : Date.now() - statSync(lock).mtimeMs > 10_000) {
        rmSync(lock, { force: true });
        continue;
      }
    } catch {
      continue;
    }

    Atomics.wait(waiting, 0, 0, 1000);
  }

  throw new Error(`${lock} has been held for 15 minutes.`);
}

const filesUnder = (directory) =>
  readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));

const inputs = () => [
  // What is made of the API document is not asked: every check writes it, and no script comes of it.
  ...['src', 'public'].flatMap((name) => filesUnder(join(here, name))).filter((file) => !file.endsWith('document.d.ts')),
  ...['index.html', 'package.json', 'package-lock.json', 'vite.config.ts', 'tsconfig.json', 'build.mjs'].map((name) => join(here, name)),
];

const newest = (files) => Math.max(...files.map((file) => statSync(file).mtimeMs));

const isBuilt = () => existsSync(stamp) && existsSync(join(out, 'index.html')) && statSync(stamp).mtimeMs >= newest(inputs());

const run = (command, args, env = {}) => spawnSync(command, args, { cwd: here, stdio: 'inherit', shell: process.platform === 'win32', env: { ...process.env, ...env } }).status;

function isInstalled() {
  const installed = join(here, 'node_modules/.package-lock.json');
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(here, 'package-lock.json')).mtimeMs;
}

/** npm fails on a cache it may not write, so it then gets one for the time of this build. */
function install() {
  const asked = spawnSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8', shell: process.platform === 'win32' });
  if (asked.error || asked.status !== 0) {
    return false;
  }

  let cache;
  try {
    mkdirSync(asked.stdout.trim(), { recursive: true });
    accessSync(asked.stdout.trim(), constants.W_OK);
  } catch {
    cache = mkdtempSync(join(tmpdir(), 'ccgate-npm-'));
  }

  const status = run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], cache ? { npm_config_cache: cache } : {});
  if (cache) {
    rmSync(cache, { recursive: true, force: true });
  }

  return status === 0;
}

/** What is worth it is stored compressed too, so that the gateway need not do it for every visitor. */
function compress(directory) {
  for (const file of filesUnder(directory).filter((name) => /\.(js|css|html|svg)$/.test(name))) {
    const content = readFileSync(file);
    if (content.length > 1024) {
      writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [zlib.BROTLI_PARAM_SIZE_HINT]: content.length } }));
      writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
    }
  }
}

function build() {
  mkdirSync(dirname(out), { recursive: true });
  const fresh = mkdtempSync(`${out}-`);
  try {
    const started = new Date();
    const status = run(process.execPath, [join(here, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'], { CCGATE_DASHBOARD_OUT: fresh });
    if (status !== 0) {
      return 1;
    }

    compress(fresh);
    rmSync(out, { recursive: true, force: true });
    renameSync(fresh, out);
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, started.toISOString());
    return 0;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

takeLock();
process.exitCode = isBuilt() ? 0 : !isInstalled() && !install() ? notInstalled : build();
