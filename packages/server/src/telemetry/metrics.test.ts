import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

test('what was counted and measured is rendered for Prometheus', async () => {
  const metrics = createMetrics();
  metrics.connections.set(3);
  metrics.messages.inc({ door: 'socket' }, 2);
  metrics.deliveries.inc(6);
  metrics.deliverySeconds.observe(0.002);
  metrics.commitBatchMessages.observe(4);
  metrics.framesRefused.inc({ code: 'throttled' });
  metrics.socketsClosed.inc({ code: '4408' });
  metrics.httpRequestSeconds.observe({ method: 'GET', route: '/channels/:id', status: '200' }, 0.01);

  const lines = (await metrics.render()).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'parley_connections 3',
      'parley_messages_total{door="socket"} 2',
      'parley_deliveries_total 6',
      'parley_delivery_seconds_bucket{le="0.0025"} 1',
      'parley_commit_batch_messages_bucket{le="5"} 1',
      'parley_frames_refused_total{code="throttled"} 1',
      'parley_sockets_closed_total{code="4408"} 1',
      'parley_http_request_seconds_count{method="GET",route="/channels/:id",status="200"} 1',
    ]),
  );
  expect(metrics.contentType).toContain('text/plain');
});

test('counters that must stay 0, or whose first step matters, are there from the start', async () => {
  const lines = (await createMetrics().render()).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'parley_gaps_total 0',
      'parley_repairs_total 0',
      'parley_api_log_dropped_total 0',
      'parley_messages_total{door="socket"} 0',
      'parley_messages_total{door="rest"} 0',
    ]),
  );
});

test('the lag of the event loop is measured', async () => {
  expect(await createMetrics().render()).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
});

test('two servers in one process count for themselves', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.gaps.inc();
  expect(await one.render()).toContain('parley_gaps_total 1');
  expect(await other.render()).toContain('parley_gaps_total 0');
});
