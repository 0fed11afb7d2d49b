// node/http/watch.h -- looks at all members of the cluster again and again, and keeps the newest picture.
//
//     own node   through node/window.h           members   over their clients' port, as `kith status` does
//
// A round asks everybody for status; where roots differ, for the roots of the shards; and each who holds something that
// others lack, for how much (node/missing.h).  While somebody looks a round begins every kWatchIntervalMs (later of many
// members), else every kWatchIdleMs or later: enough for a history, and little for the others.
// Who does not answer keeps nobody waiting but a thread of the round for kWatchPatienceMs, and is asked again a second later.
// Owns its thread.  Tests: tests/http/port_test.cc, with real nodes.
#pragma once

#include <memory>

#include "node/http/events.h"
#include "node/http/history.h"
#include "node/http/picture.h"
#include "node/http/removal_count.h"
#include "node/window.h"

namespace kith {

inline constexpr std::int64_t kWatchIntervalMs = 500;
inline constexpr std::int64_t kWatchIdleMs = 5000;
inline constexpr std::int64_t kWatchPatienceMs = 1000;
inline constexpr std::int64_t kWatchedForMs = 15'000;  // After somebody looked.

class Watch {
 public:
  // `window` must outlive it.  Does nothing before start().
  explicit Watch(Window& window);
  ~Watch();  // Waits for the round at hand.
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void start();

  // The newest, of a moment when somebody looked: after a pause a new one is waited for, two seconds at most.  Null: there is
  // none yet.  Any thread.
  std::shared_ptr<const Picture> look();
  // The newest, whatever its age; nobody is taken to be looking.
  std::shared_ptr<const Picture> glance() const;

  // Rows here with something to collect, as last counted.  Any thread.
  RemovalCount::Reading removals() const;

  Events& events();
  const History& history() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
