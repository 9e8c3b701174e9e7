import { createClient } from '@parley/client';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { ServicesContext } from './hooks/client-context.ts';
import { createSession } from './session/session.ts';
import './styles/index.css';

const client = createClient({ url: location.origin, session: 'cookie' });
const session = createSession(client, localStorage);
void session.restore();

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <ServicesContext value={{ client, session }}>
      <App />
    </ServicesContext>
  </StrictMode>,
);
