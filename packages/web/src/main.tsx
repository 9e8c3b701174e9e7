import { createClient } from '@parley/client';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { ServicesContext } from './hooks/client-context.ts';
import { createSession, SESSION_HINT } from './session/session.ts';
import './styles/index.css';

const client = createClient({ url: location.origin, session: 'cookie' });
const session = createSession(client, localStorage);
void session.restore();

// The browser knows of the network before the next attempt would find out.
addEventListener('online', session.retryNow);
// Signed in in another tab: then here too.
addEventListener('storage', ({ key, newValue }) => {
  if (key === SESSION_HINT && newValue !== null && session.getStatus().kind === 'signed-out') void session.restore();
});
// What waits in the outbox lives as long as the page.
addEventListener('beforeunload', (event) => {
  if (client.getOutbox().length > 0) event.preventDefault();
});

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <ServicesContext value={{ client, session }}>
      <App />
    </ServicesContext>
  </StrictMode>,
);
