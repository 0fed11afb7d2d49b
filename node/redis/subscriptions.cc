#include "node/redis/subscriptions.h"

#include <algorithm>

#include "node/redis/glob.h"
#include "node/redis/limits.h"

namespace kith::redis {

namespace {

constexpr std::string_view kKeyspace = "__keyspace@0__:", kKeyevent = "__keyevent@0__:";
constexpr std::size_t kOverhead = 96;  // Of a name in a set.

bool is_channel(std::string_view name) { return name.starts_with(kKeyspace) || name.starts_with(kKeyevent); }

// Whether some channel could fit, as far as the pattern begins with literal bytes.
bool may_fit(std::string_view pattern) {
  const std::string prefix = glob_prefix(pattern);
  const std::string_view begins(prefix);
  return is_channel(begins) || kKeyspace.starts_with(begins) || kKeyevent.starts_with(begins);
}

void confirm(RespWriter& out, std::string_view what, std::optional<std::string_view> name, std::size_t left) {
  out.push(3);
  out.bulk(what);
  if (name) {
    out.bulk(*name);
  } else {
    out.null();
  }
  out.integer(static_cast<std::int64_t>(left));
}

}  // namespace

std::vector<Message> messages_of(const std::vector<KeyChange>& changes) {
  std::vector<Message> out;
  for (const KeyChange& change : changes) {
    for (std::size_t i = 0; i < kEventCount; ++i) {
      const auto event = static_cast<Event>(i);
      if (!change.has(event)) continue;
      const std::string word(to_string(event));
      out.push_back({std::string(kKeyspace) + change.key, word});
      out.push_back({std::string(kKeyevent) + word, change.key});
    }
  }
  return out;
}

std::optional<std::string> Subscriptions::problem(Names names, const std::vector<std::string_view>& wanted) const {
  std::size_t bytes = bytes_;
  for (const std::string_view name : wanted) {
    bytes += name.size() + kOverhead;
    const bool fits = names == Names::kChannels ? is_channel(name) : may_fit(name);
    if (!fits) {
      return "ERR there is nothing to subscribe to under '" + std::string(name.substr(0, 128)) +
             "': Kith tells what changes and carries no messages between clients. Channels are " + std::string(kKeyspace) + "KEY and " +
             std::string(kKeyevent) + "EVENT";
    }
    const std::size_t most = names == Names::kChannels ? kChannelBytesMax : kPatternBytesMax;
    if (name.size() > most) {
      return std::string("ERR the ") + (names == Names::kChannels ? "channel" : "pattern") + " has " + std::to_string(name.size()) +
             " bytes; the limit is " + std::to_string(most);
    }
  }
  if (size() + wanted.size() > kSubscriptionsMax || bytes > kSubscriptionBytesMax) {
    return "ERR a client may subscribe to " + std::to_string(kSubscriptionsMax) + " names of " + std::to_string(kSubscriptionBytesMax) +
           " bytes in all; a pattern takes in many";
  }
  return std::nullopt;
}

void Subscriptions::subscribe(Names names, const std::vector<std::string_view>& wanted, RespWriter& out) {
  for (const std::string_view name : wanted) {
    if (set_of(names).emplace(name).second) bytes_ += name.size() + kOverhead;
    confirm(out, names == Names::kChannels ? "subscribe" : "psubscribe", name, size());
  }
}

void Subscriptions::unsubscribe(Names names, const std::vector<std::string_view>& wanted, RespWriter& out) {
  const std::string_view what = names == Names::kChannels ? "unsubscribe" : "punsubscribe";
  Set& set = set_of(names);
  const auto leave = [&](std::string_view name) {
    if (const auto found = set.find(name); found != set.end()) {
      bytes_ -= name.size() + kOverhead;
      set.erase(found);
    }
  };
  if (!wanted.empty()) {
    for (const std::string_view name : wanted) {
      leave(name);
      confirm(out, what, name, size());
    }
    return;
  }
  if (set.empty()) return confirm(out, what, std::nullopt, size());
  while (!set.empty()) {
    const std::string name = *set.begin();
    leave(name);
    confirm(out, what, name, size());
  }
}

void Subscriptions::clear() {
  channels_.clear();
  patterns_.clear();
  bytes_ = 0;
}

void Subscriptions::tell(const std::vector<Message>& messages, RespWriter& out) const {
  std::uint64_t steps = 0;
  for (const Message& message : messages) {
    if (channels_.contains(message.channel)) {
      out.push(3);
      out.bulk("message");
      out.bulk(message.channel);
      out.bulk(message.payload);
    }
    for (const std::string& pattern : patterns_) {
      if (!glob_matches(pattern, message.channel, steps)) continue;
      out.push(4);
      out.bulk("pmessage");
      out.bulk(pattern);
      out.bulk(message.channel);
      out.bulk(message.payload);
    }
  }
}

}  // namespace kith::redis
