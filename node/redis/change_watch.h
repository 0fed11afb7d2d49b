// node/redis/change_watch.h -- watches commits for those who subscribed, and has every loop told what changed.
//
// Belongs to the engine's thread, but for wanted().
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "node/commit_watch.h"
#include "node/redis/changes.h"
#include "node/redis/port_facts.h"
#include "node/redis/services.h"
#include "node/redis/subscriptions.h"

namespace kith::redis {

class ChangeWatch final : public CommitWatch {
 public:
  // To every loop; null: what changed could not be read, so nobody may go on as if nothing had.
  using Tell = std::function<void(std::shared_ptr<const std::vector<Message>>)>;

  ChangeWatch(const Services& services, const PortFacts& facts, Tell tell);

  bool wanted() const override { return facts_.subscribers.load() > 0; }
  void before(const StoreBatch& batch) override;
  void after() override;

 private:
  void lost(const char* what);

  const Services& services_;
  const PortFacts& facts_;
  Changes changes_;
  const Tell tell_;
  bool begun_ = false;
};

}  // namespace kith::redis
