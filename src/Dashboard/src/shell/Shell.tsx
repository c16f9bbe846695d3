import { Anchor, AppShell, Badge, Burger, Button, Group, Menu, NavLink, SegmentedControl, Stack, Text, Tooltip, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Suspense, useState, type ReactNode } from 'react';
import { NavLink as RouterLink, useLocation, useNavigate } from 'react-router';
import { LiveContext, useLive } from '../api/live';
import { useNotices } from '../api/notices';
import { useLanguage, useTexts } from '../text/language';
import { words } from '../text/words';
import { ErrorBoundary } from './ErrorBoundary';
import { linkOf, pagesOf } from './routes';
import { useSession } from './session';
import { shellTexts } from './texts';
import classes from './Shell.module.css';

/** Every signed-in page: the header, the navigation of the role, and the page itself. */
export function Shell({ children }: { children: ReactNode }) {
  const t = useTexts(shellTexts);
  const say = useTexts(words);
  const { session } = useSession();
  const isOperator = session?.role === 'operator';
  const connected = useLive(isOperator);
  const [opened, { toggle, close }] = useDisclosure();
  const { pathname } = useLocation();
  return (
    <LiveContext value={connected}>
      <a href="#content" className={classes.skip}>
        {t('skip')}
      </a>
      <AppShell header={{ height: 52 }} navbar={{ width: 210, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="md">
        <AppShell.Header>
          <Group h="100%" px="md" justify="space-between" wrap="nowrap">
            <Group gap="sm" wrap="nowrap">
              <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('openNavigation')} aria-expanded={opened} />
              <img src="/dashboard/icon.svg" width={26} height={26} alt="" />
              <Text fw={700}>CCGate</Text>
              {isOperator && (
                <Tooltip label={connected ? t('connected') : t('disconnected')}>
                  <Badge size="sm" variant="dot" color={connected ? 'teal' : 'gray'} tabIndex={0} role="status" aria-label={connected ? t('connected') : t('disconnected')}>
                    {say('live')}
                  </Badge>
                </Tooltip>
              )}
            </Group>
            <AccountMenu />
          </Group>
        </AppShell.Header>
        <AppShell.Navbar p="xs" component="nav" aria-label={t('navigation')}>
          <Navigation onNavigate={close} />
        </AppShell.Navbar>
        <AppShell.Main id="content" tabIndex={-1} style={{ outline: 'none', minWidth: 0 }}>
          <ErrorBoundary address={pathname}>
            <Suspense fallback={<Text c="dimmed">{say('loading')}</Text>}>{children}</Suspense>
          </ErrorBoundary>
        </AppShell.Main>
      </AppShell>
    </LiveContext>
  );
}

function Navigation({ onNavigate }: { onNavigate: () => void }) {
  const t = useTexts(shellTexts);
  const { session } = useSession();
  const pages = pagesOf(session?.role ?? 'tenant');
  return (['view', 'manage'] as const).map((group) => {
    const shown = pages.filter((page) => page.navigation?.group === group);
    return (
      shown.length > 0 && (
        <Stack key={group} gap={0} mb="sm">
          <Text size="xs" c="dimmed" fw={600} px="sm" py={4}>
            {t(group)}
          </Text>
          {shown.map((page) => (
            <NavItem key={page.path} to={linkOf(page)} label={page.navigation ? t(page.navigation.label) : ''} onNavigate={onNavigate} />
          ))}
        </Stack>
      )
    );
  });
}

function NavItem({ to, label, onNavigate }: { to: string; label: string; onNavigate: () => void }) {
  const { pathname } = useLocation();
  const active = to === '/' ? pathname === '/' : pathname === to || pathname.startsWith(`${to}/`);
  return <NavLink component={RouterLink} to={to} label={label} active={active} aria-current={active ? 'page' : undefined} onClick={onNavigate} className={classes.link} />;
}

function AccountMenu() {
  const t = useTexts(shellTexts);
  const { session, signOut } = useSession();
  const navigate = useNavigate();
  const notices = useNotices();
  const [leaving, setLeaving] = useState(false);
  const leave = async () => {
    setLeaving(true);
    try {
      await signOut();
      await navigate('/sign-in');
    } catch (error) {
      notices.failed(error as Error);
      setLeaving(false);
    }
  };
  return (
    <Menu position="bottom-end" width={250} withinPortal>
      <Menu.Target>
        <Button variant="subtle" size="compact-md" aria-label={`${session?.name ?? ''}: ${t('account')}`} className={classes.account}>
          {session?.name} <span aria-hidden>▾</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {session?.name}
          {session?.role === 'operator' && session.scope === 'read' ? ` (${t('readOnly')})` : ''}
        </Menu.Label>
        <Stack gap="xs" p="xs">
          <DisplayChoices />
        </Stack>
        <Menu.Divider />
        <Menu.Item onClick={() => void leave()} disabled={leaving}>
          {t('signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Language and colours; they need no account. */
export function DisplayChoices() {
  const t = useTexts(shellTexts);
  const { language, choose } = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <>
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label={t('language')}
        value={language}
        onChange={(value) => choose(value)}
        data={[
          { value: 'en', label: 'English' },
          { value: 'zh', label: '中文' },
        ]}
      />
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label={t('colours')}
        value={colorScheme}
        onChange={(value) => setColorScheme(value)}
        data={[
          { value: 'auto', label: t('system') },
          { value: 'light', label: t('light') },
          { value: 'dark', label: t('dark') },
        ]}
      />
    </>
  );
}

/** An address that leads nowhere for this role. */
export function NotFoundPage() {
  const t = useTexts(shellTexts);
  return (
    <Stack align="flex-start">
      <Text fw={600}>{t('notFound')}</Text>
      <Text>{t('notFoundText')}</Text>
      <Anchor component={RouterLink} to="/">
        {t('home')}
      </Anchor>
    </Stack>
  );
}
