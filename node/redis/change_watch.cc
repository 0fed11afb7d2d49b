#include "node/redis/change_watch.h"

#include "node/log.h"

namespace kith::redis {

ChangeWatch::ChangeWatch(const Services& services, const PortFacts& facts, Tell tell)
    : services_(services), facts_(facts), changes_(services.store, services.table), tell_(std::move(tell)) {}

void ChangeWatch::before(const StoreBatch& batch) {
  try {
    changes_.before(batch);
    begun_ = true;
  } catch (const StoreError& error) {
    begun_ = false;
    lost(error.what());
  }
}

void ChangeWatch::after() {
  if (!std::exchange(begun_, false)) return;
  try {
    auto messages = std::make_shared<const std::vector<Message>>(messages_of(changes_.after(services_.shard_count(), services_.now_ms())));
    if (!messages->empty()) tell_(std::move(messages));
  } catch (const StoreError& error) {
    lost(error.what());
  }
}

void ChangeWatch::lost(const char* what) {
  log(LogLevel::kError, std::string("what a commit changed could not be read, so all who subscribed are disconnected: ") + what);
  tell_(nullptr);
}

}  // namespace kith::redis
