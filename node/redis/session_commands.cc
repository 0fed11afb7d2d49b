// Commands that change the connection itself: a part of node/redis/session.h.
#include <algorithm>

#include "crdt/limits.h"
#include "node/redis/limits.h"
#include "node/redis/numbers.h"
#include "node/redis/session.h"

namespace kith::redis {

namespace {

constexpr std::int64_t kWaitMsMax = 24 * 60 * 60 * 1000;
// WAIT writes a row that says nothing into each shard that was written to, and waits for the replicas of that row: who has
// it has all that this node committed there before.
constexpr std::string_view kWaitTable = "redis.wait";

std::string wait_key(ShardId shard, std::uint32_t shard_count) {
  for (std::uint32_t n = 0;; ++n) {
    std::string key = std::to_string(n);
    if (shard_of(kWaitTable, key, shard_count) == shard) return key;
  }
}

// Takes as long for any password of the same length, right or wrong.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference |= static_cast<unsigned char>(b[i]) ^ static_cast<unsigned char>(i < a.size() ? a[i] : '\0');
  }
  return difference == 0;
}

}  // namespace

void Session::carry_out_for_session(const CommandSpec& spec, const Arguments& arguments) {
  if (spec.name == "multi") return begin_transaction();
  if (spec.name == "exec") return carry_out_transaction();
  if (spec.name == "discard") {
    if (!in_multi_) return error("ERR DISCARD without MULTI");
    end_transaction();
    const std::size_t began = out_.size();
    out_.ok();
    return answer_now(began);
  }
  if (spec.name == "quit") {
    if (waits()) {
      held_ = true;  // Its answer is the last.
      return;
    }
    out_.ok();
    closing_ = true;
    return;
  }
  if (spec.name == "wait") return wait_for_replicas(spec, arguments);
  if (spec.name == "kith.tag") return run_tagged(spec, arguments);
  // What changes how answers look waits for the answers before.
  if (waits()) {
    held_ = true;
    return;
  }
  if (spec.group == "pubsub") return change_subscriptions(spec, arguments);
  if (spec.name == "hello") return say_hello(arguments);
  if (spec.name == "auth") return authenticate(arguments);
  reset();
}

bool Session::check_password(std::string_view user, std::string_view password) {
  const std::string& secret = host_.reads().services().password;
  if (user == "default" && !secret.empty() && same_secret(password, secret)) {
    client_.trusted = true;
    reader_.trust(true);
    return true;
  }
  if (user == "default" && secret.empty()) return true;  // Nobody is asked for one, so any will do for that user.
  error("WRONGPASS invalid username-password pair or user is disabled.");
  return false;
}

void Session::authenticate(const Arguments& arguments) {
  if (arguments.size() > 3) return error("ERR syntax error");
  if (arguments.size() == 2 && host_.reads().services().password.empty()) {
    return error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?");
  }
  if (check_password(arguments.size() == 3 ? arguments[1] : "default", arguments.back())) out_.ok();
}

void Session::say_hello(const Arguments& arguments) {
  int protocol = out_.protocol();
  if (arguments.size() > 1) {
    const auto asked = parse_integer(arguments[1]);
    if (!asked) return error("ERR Protocol version is not an integer or out of range");
    if (*asked != 2 && *asked != 3) return error("NOPROTO unsupported protocol version");
    protocol = static_cast<int>(*asked);
  }
  std::optional<std::string_view> name;
  bool says_password = false;
  std::size_t password_at = 0;
  for (std::size_t at = 2; at < arguments.size(); ++at) {
    if (same_word(arguments[at], "auth") && at + 2 < arguments.size()) {
      says_password = true;
      password_at = at + 1;
      at += 2;
    } else if (same_word(arguments[at], "setname") && at + 1 < arguments.size()) {
      name = arguments[++at];
    } else {
      return error("ERR Syntax error in HELLO option '" + std::string(arguments[at].substr(0, 128)) + "'");
    }
  }
  if (says_password && !check_password(arguments[password_at], arguments[password_at + 1])) return;
  if (!client_.trusted) {
    return error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> "
                 "option can be used to authenticate the client and select the RESP protocol version at the same time");
  }
  if (name) {
    const bool plain = std::all_of(name->begin(), name->end(), [](char c) { return c >= '!' && c <= '~'; });
    if (!plain || name->size() > kClientNameBytesMax) {
      return error("ERR Client names cannot contain spaces, newlines or special characters.");
    }
    client_.name = *name;
  }
  out_.set_protocol(protocol);
  out_.map(7);
  const auto text = [&](std::string_view key, std::string_view value) {
    out_.bulk(key);
    out_.bulk(value);
  };
  text("server", "kith");
  text("version", kRedisVersion);
  out_.bulk("proto");
  out_.integer(protocol);
  out_.bulk("id");
  out_.integer(static_cast<std::int64_t>(client_.id));
  text("mode", "standalone");
  text("role", "master");
  out_.bulk("modules");
  out_.array(0);
}

bool Session::refused_to_subscriber(const CommandSpec& spec, const Arguments& arguments) {
  if (subscriptions_.empty() || out_.protocol() >= 3) return false;
  if (has(spec.flags, CommandFlags::kSubscriber)) return false;
  if (spec.name == "ping" && arguments.size() <= 2) {
    const std::size_t began = out_.size();
    out_.array(2);
    out_.bulk("pong");
    out_.bulk(arguments.size() == 2 ? arguments[1] : "");
    answer_now(began);
    return true;
  }
  error("ERR Can't execute '" + std::string(spec.name) + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
  return true;
}

void Session::change_subscriptions(const CommandSpec& spec, const Arguments& arguments) {
  const Arguments wanted(arguments.begin() + 1, arguments.end());
  const Names names = spec.name.starts_with('p') ? Names::kPatterns : Names::kChannels;
  if (spec.name.ends_with("unsubscribe")) {
    subscriptions_.unsubscribe(names, wanted, out_);
  } else {
    if (const auto problem = subscriptions_.problem(names, wanted)) return error(*problem);
    subscriptions_.subscribe(names, wanted, out_);
  }
  client_.channels = subscriptions_.channels();
  client_.patterns = subscriptions_.patterns();
}

void Session::reset() {
  end_transaction();
  subscriptions_.clear();
  client_.channels = client_.patterns = 0;
  out_.set_protocol(2);
  client_.name.clear();
  client_.trusted = host_.reads().services().password.empty();
  reader_.trust(client_.trusted);
  out_.simple("RESET");
}

void Session::wait_for_replicas(const CommandSpec& spec, const Arguments& arguments) {
  const auto replicas = parse_integer(arguments[1]);
  if (!replicas) return error("ERR value is not an integer or out of range");
  const auto timeout_ms = parse_integer(arguments[2]);
  if (!timeout_ms) return error("ERR timeout is not an integer or out of range");
  if (*timeout_ms < 0) return error("ERR timeout is negative");
  const std::uint32_t shards = host_.reads().services().shard_count();
  if (shards == 0) return error("LOADING this node has not joined its cluster yet: try again, or ask another node");
  if (waits()) {  // Until then nobody knows whether there is anything to wait for.
    held_ = true;
    return;
  }
  Call call{spec, arguments, out_, host_.reads(), client_, host_.cursors(), host_.facts(), std::nullopt, out_.size(), pending_};
  call.answer = Answer::kReplicas;
  if (written_.empty()) note_written(0);
  for (const ShardId shard : written_) {
    Request& row = call.write(ClientOp::kSet, wait_key(shard, shards));
    row.table = kWaitTable;
    row.replicas = static_cast<std::uint32_t>(std::clamp<std::int64_t>(*replicas, 0, kMembersMax)) + 1;
    row.timeout_ms = *timeout_ms == 0 ? kWaitMsMax : std::min(*timeout_ms, kWaitMsMax);
  }
  submit(call);
  slots_.back().shards = std::exchange(written_, {});
}

void Session::run_tagged(const CommandSpec& spec, const Arguments& arguments) {
  if (arguments.size() == 1) {
    const std::size_t began = out_.size();
    out_.bulk(to_string(host_.new_tag()));
    return answer_now(began);
  }
  const auto tag = parse_tag(arguments[1]);
  if (!tag) return error("ERR this is no tag: 16 hex digits of time, '-', 16 hex digits of who; KITH.TAG alone gives a new one");
  if (arguments.size() == 2) return error("ERR wrong number of arguments for '" + std::string(spec.name) + "' command");
  const Arguments inner(arguments.begin() + 2, arguments.end());
  const CommandSpec* tagged = find_command(inner[0]);
  if (tagged == nullptr) return error(unknown_command(inner));
  if (!tagged->arity_fits(inner.size())) return error("ERR wrong number of arguments for '" + std::string(tagged->name) + "' command");
  if (!has(tagged->flags, CommandFlags::kWrite) || has(tagged->flags, CommandFlags::kSession)) {
    return error("ERR a tag is for a write, which '" + std::string(tagged->name) + "' is not");
  }
  carry_out(*tagged, inner, tag);
}

}  // namespace kith::redis
