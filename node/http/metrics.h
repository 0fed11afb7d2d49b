// node/http/metrics.h -- /metrics: what a node measures of itself, in the text format of Prometheus.
//
// Base units (seconds, bytes), counters end in _total, labels are few: of peers their name.  What is not known is not there,
// so that nobody takes a zero for it.  Each metric: docs/HTTP.md.  prometheus-cpp is in metrics.cc only.
// Tests: tests/http/metrics_test.cc; promtool looks at it too (tests/http/promtool_test.sh).
#pragma once

#include <string>

#include "node/http/picture.h"
#include "node/http/server.h"
#include "node/meters.h"
#include "node/view/status_document.h"

namespace kith {

struct MetricsSources {
  const NodeStatus& status;       // Of this node, now.
  const Meters& meters;
  const Picture* picture;         // Of all nodes, lately; null: there is none.
  RemovalCount::Reading removals;
  const HttpCounters& http;
};

std::string metrics_text(const MetricsSources& sources, SteadyTime now);

}  // namespace kith
