// The first minute of somebody with a launch link, over a real relay.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, bubble, holds, launch, open, signedIn, signIn, small, startRelay, talkTo, until, write } from './lib.mjs';

let relay;
let browser;
before(async () => {
  [relay, browser] = await Promise.all([startRelay(), launch()]);
});
after(async () => {
  await browser?.close();
  await relay?.stop();
});

test('J1 launch-link-code-first-message', async () => {
  const ben = await signedIn(browser, relay, 'ben', 'Ben Okri');
  const page = await open(browser, `${relay.page}#relay=${encodeURIComponent(relay.url)}&mode=private&email=mia%40example.org&name=Mia%20Santos`, { worker: true });
  await holds(page.getByLabel('E-mail'), 'mia@example.org');
  assert.equal(new URL(page.url()).hash, '', 'the link is out of the address at once');
  let presses = 0;
  const press = async (what) => {
    presses++;
    await what.click();
  };
  await press(page.getByRole('button', { name: 'Send me a code' }));
  await until('the code of a loopback relay is filled in', async () => (await page.locator('#code').inputValue()).length === 6);
  await press(page.getByRole('button', { name: 'Sign in', exact: true }));
  await press(page.getByRole('button', { name: 'Find people' }));
  await press(page.locator('[data-person="ben"]'));
  await page.locator('#compose').fill('Hello Ben');
  presses++;
  await page.locator('#compose').press('Enter');
  assert.ok(presses <= 6, `${presses} presses`);
  await ben.locator('.row', { hasText: 'Mia Santos' }).click();
  await bubble(ben, 'Hello Ben').waitFor();
  await write(ben, 'Hello Mia');
  await bubble(page, 'Hello Mia').waitFor();
  assert.deepEqual([...page.faults, ...ben.faults], []);
  const me = await page.evaluate(() => document.querySelector('.foot')?.textContent);
  assert.match(me, /up to date/);
});

test('J1 an-invite-link-lets-in-past-the-allow-list', async () => {
  const closed = await startRelay({ PCHAT_AUTH_ALLOWED_DOMAINS: 'members.example' });
  try {
    const page = await open(browser, closed.ctl('invite').trim());
    await page.getByLabel('E-mail').fill('lea@example.org');
    await page.getByRole('button', { name: 'Send me a code' }).click();
    await until('the code is filled in', async () => (await page.locator('#code').inputValue()).length === 6);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('heading', { name: 'Chats' }).waitFor({ state: 'attached' });
  } finally {
    await closed.stop();
  }
});

test('J1 a-code-that-is-pasted-and-a-wrong-one', async () => {
  const page = await open(browser, relay.page);
  await page.getByLabel('E-mail').fill('noor@example.org');
  await page.getByRole('button', { name: 'Send me a code' }).click();
  const code = page.locator('#code');
  await code.waitFor();
  await code.fill('00 00-00');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('That code is wrong or too old.').waitFor();
  await code.fill('');
  const right = relay.code('noor@example.org');
  await code.fill(`${right.slice(0, 3)} ${right.slice(3)}`);
  await page.getByText('First time here?').click();
  await page.getByLabel('Chat address').fill('noor');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Chats' }).waitFor({ state: 'attached' });
});

test('J1 a-message-to-somebody-by-address', async () => {
  const ann = await relay.user('ann', 'Ann', { public_visible: false });
  const page = await signedIn(browser, relay, 'olga', 'Olga');
  await page.getByRole('button', { name: 'New chat', exact: true }).click();
  await page.getByPlaceholder('Name or chat address').fill('@Ann');
  await page.getByText(/^Write to .*@ann/).click();
  await write(page, 'Are you there?');
  await until('it arrives', async () => (await ann.poll()).some((m) => m.text === 'Are you there?'));
});

test('J1 a-link-to-a-person-opens-the-talk-with-their-name', async () => {
  await relay.user('yael', 'Yael Cohen');
  const page = await signedIn(browser, relay, 'tom', 'Tom');
  const again = await open(browser, `${relay.page}#relay=${encodeURIComponent(relay.url)}&mode=private&to=yael`, { context: page.context() });
  await again.locator('.talk-head', { hasText: 'Yael Cohen' }).waitFor();
  await write(again, 'Found by the link');
  await bubble(again, 'Found by the link').waitFor();
});

test('J3 a-link-leads-into-a-private-group', async () => {
  const anna = await signedIn(browser, relay, 'annag', 'Anna');
  await anna.keyboard.press('Control+Shift+O');
  await anna.getByRole('button', { name: 'New group' }).click();
  await anna.getByLabel('Name of the group').fill('Hidden valley');
  await anna.getByRole('button', { name: 'Create group' }).click();
  await anna.locator('#compose').waitFor();
  await anna.locator('.head-who').click();
  await anna.locator('.info').getByRole('button', { name: 'Invite links' }).click();
  const dialog = anna.getByRole('dialog');
  await dialog.getByText('No invite link is open.').waitFor();
  await dialog.getByLabel('For how many').selectOption('1');
  await dialog.getByRole('button', { name: 'Make a link' }).click();
  const link = await dialog.getByLabel('The link', { exact: true }).inputValue();
  await dialog.getByText('1 use left').waitFor();
  assert.deepEqual(await axe(anna), []);
  // somebody new: sign-in, one question, and in
  const pia = await open(browser, link, small);
  await pia.getByLabel('E-mail').fill('pia@example.org');
  await pia.getByRole('button', { name: 'Send me a code' }).click();
  await until('the code is filled in', async () => (await pia.locator('#code').inputValue()).length === 6);
  await pia.getByRole('button', { name: 'Sign in', exact: true }).click();
  await pia.getByRole('dialog').getByRole('button', { name: 'Join' }).click();
  await pia.locator('#compose').fill('I found you');
  await pia.getByRole('button', { name: 'Send', exact: true }).click();
  await bubble(anna, 'I found you').waitFor();
  // the same link again, by somebody who is signed in: it is used up, and says so
  const rob = await signedIn(browser, relay, 'robg', 'Rob');
  const again = await open(browser, link, { context: rob.context() });
  await again.getByRole('dialog').getByRole('button', { name: 'Join' }).click();
  await again.getByText('This link is over, or is for another group.').waitFor();
  // one that is revoked is gone from the list
  await dialog.getByLabel('For how many').selectOption('25');
  await dialog.getByRole('button', { name: 'Make a link' }).click();
  await dialog.getByText('25 uses left').waitFor();
  await dialog.getByRole('button', { name: 'Revoke the link' }).click();
  await until('it is gone', async () => (await dialog.getByText('25 uses left').count()) === 0);
  assert.deepEqual([...anna.faults, ...pia.faults, ...rob.faults], []);
});

void signIn;
void talkTo;
