import { createTheme, MantineProvider, type CSSVariablesResolver } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { createBrowserRouter, Navigate, Route, RouterProvider, Routes, useLocation } from 'react-router';
import { ProblemAlert } from '../api/ProblemAlert';
import { createQueryClient } from '../api/queries';
import { LanguageProvider, useTexts } from '../text/language';
import { words } from '../text/words';
import { linkOf, pagesOf } from './routes';
import { SessionProvider, sessionKey, useSession } from './session';
import { NotFoundPage, Shell } from './Shell';
import { SignInPage } from './SignInPage';

const theme = createTheme({
  // What the system has, so that nothing is fetched; the Chinese faces of the common systems come before the generic one.
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  primaryColor: 'blue',
  primaryShade: 8,
  cursorType: 'pointer',
});

const badgeColours = ['blue', 'gray', 'green', 'orange', 'red', 'teal', 'yellow'];

/** Mantine's own shades of what is dimmed or coloured are too pale to be read by everybody. */
const readableColours: CSSVariablesResolver = () => ({
  variables: {},
  light: { '--mantine-color-dimmed': 'var(--mantine-color-gray-7)', ...Object.fromEntries(badgeColours.map((name) => [`--mantine-color-${name}-light-color`, `color-mix(in srgb, var(--mantine-color-${name}-9) 65%, black)`])) },
  dark: { '--mantine-color-dimmed': 'var(--mantine-color-dark-1)' },
});

/** The page, from its providers down to the routes. */
export function App() {
  const [queries] = useState(() => {
    const client = createQueryClient(() => client.setQueryData(sessionKey, null));
    return client;
  });
  // Only a router of this kind can hold up who is about to leave a form; what the routes are is decided below it.
  const [router] = useState(() => createBrowserRouter([{ path: '*', element: <Content /> }], { basename: '/dashboard' }));
  return (
    <LanguageProvider>
      <Looks>
        <Notifications position="bottom-right" />
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </Looks>
    </LanguageProvider>
  );
}

function Looks({ children }: { children: ReactNode }) {
  const say = useTexts(words);
  // The cross that closes a dialog has no text of its own.
  const closes = { defaultProps: { closeButtonProps: { 'aria-label': say('close') } } };
  return (
    <MantineProvider theme={{ ...theme, components: { Modal: closes, Drawer: closes } }} defaultColorScheme="auto" cssVariablesResolver={readableColours}>
      {children}
    </MantineProvider>
  );
}

function Content() {
  return (
    <SessionProvider whenUnreachable={(error, retry) => <ProblemAlert error={error} retry={retry} />}>
      <Routes>
        <Route path="/sign-in" element={<SignInPage />} />
        <Route path="/*" element={<SignedIn />} />
      </Routes>
    </SessionProvider>
  );
}

function SignedIn() {
  const { session } = useSession();
  const { pathname, search } = useLocation();
  if (!session) {
    return <Navigate to="/sign-in" replace state={pathname === '/' ? null : { from: pathname + search }} />;
  }

  const pages = pagesOf(session.role);
  const [start] = pages;
  return (
    <Shell>
      <Routes>
        {pages.map(({ path, page: PageOfRoute }) => (
          <Route key={path} path={path} element={<PageOfRoute />} />
        ))}
        {start && start.path !== '' && <Route path="" element={<Navigate to={linkOf(start)} replace />} />}
        <Route path="*" element={<NotFoundPage />} />
      </Routes>
    </Shell>
  );
}
