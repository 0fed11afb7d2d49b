// node/redis/subscriptions.h -- what one client has subscribed to, and the messages that it is told.
//
//     channel := __keyspace@0__:KEY | __keyevent@0__:EVENT      the other one is the message
//
// A value.  Kith tells what changes; it carries no messages from one client to another, so there are no other channels.
// Tests: tests/node/redis_subscriptions_test.cc
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "node/redis/changes.h"
#include "node/redis/resp_writer.h"

namespace kith::redis {

struct Message {
  std::string channel;
  std::string payload;
};
// In the order in which they are told: of each event first the one of the key's channel.
std::vector<Message> messages_of(const std::vector<KeyChange>& changes);

enum class Names : bool { kChannels, kPatterns };

class Subscriptions {
 public:
  bool empty() const { return channels_.empty() && patterns_.empty(); }
  std::size_t size() const { return channels_.size() + patterns_.size(); }
  std::size_t channels() const { return channels_.size(); }
  std::size_t patterns() const { return patterns_.size(); }
  std::size_t bytes() const { return bytes_; }

  // Why nobody can subscribe to these, with its code; nothing when all is well.
  std::optional<std::string> problem(Names names, const std::vector<std::string_view>& wanted) const;

  // One confirmation each.  REQUIRES: !problem().
  void subscribe(Names names, const std::vector<std::string_view>& wanted, RespWriter& out);
  void unsubscribe(Names names, const std::vector<std::string_view>& wanted, RespWriter& out);  // None named: all.
  void clear();

  // Those of the messages that the client subscribed to; one that fits several names comes for each, as in Redis.
  void tell(const std::vector<Message>& messages, RespWriter& out) const;

 private:
  using Set = std::set<std::string, std::less<>>;
  Set& set_of(Names names) { return names == Names::kChannels ? channels_ : patterns_; }

  Set channels_;
  Set patterns_;
  std::size_t bytes_ = 0;
};

}  // namespace kith::redis
