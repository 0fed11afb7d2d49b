#include "node/redis/session.h"

#include <algorithm>
#include <utility>

#include "crdt/limits.h"
#include "node/redis/field_counters.h"
#include "node/redis/limits.h"

namespace kith::redis {

namespace {

// A slot's writes that count for nothing in its number: what takes out a counter.
constexpr std::uint64_t kUncounted = std::uint64_t{1} << 63;

Kinds kinds_written(const Request& request) {
  switch (request.op) {
    case ClientOp::kSet:
    case ClientOp::kDel: return kTexts;
    case ClientOp::kSadd:
    case ClientOp::kSrem: return kSets;
    case ClientOp::kHset:
    case ClientOp::kHdel: return kHashes;
    case ClientOp::kIncr: return request.table == kFieldTable ? kFieldCounters : kCounters;
    default: return kTexts | kHashes;  // kExpire, kPersist.
  }
}

std::size_t bytes_of(const Request& request) {
  std::size_t out = sizeof request + request.key.size() + request.value.size();
  for (const auto& member : request.members) out += member.size() + sizeof member;
  for (const auto& [field, value] : request.fields) out += field.size() + value.size() + sizeof field + sizeof value;
  return out;
}

std::string error_of(const ClientReply& reply) {
  // Codes that Redis's clients know what to do with.
  if (reply.code == "overflow") return "ERR increment or decrement would overflow: " + reply.message;
  if (reply.code == "full") return "OOM " + reply.message;
  if (reply.code == "leaving" || reply.code == "observer") return "READONLY " + reply.message;  // Many clients connect anew then.
  if (reply.code == "not_joined" || reply.code == "rebasing") return "LOADING " + reply.message;
  return "ERR " + reply.message;
}

}  // namespace

std::string unknown_command(const std::vector<std::string_view>& arguments) {
  constexpr std::size_t kShown = 128;
  std::string out = "ERR unknown command '" + std::string(arguments[0].substr(0, kShown)) + "', with args beginning with: ";
  std::string shown;
  for (std::size_t i = 1; i < arguments.size() && shown.size() < kShown; ++i) {
    shown += "'" + std::string(arguments[i].substr(0, kShown - shown.size())) + "' ";
  }
  return out + shown;
}

Session::Session(Host& host, ClientState client) : host_(host), client_(std::move(client)) { reader_.trust(client_.trusted); }

bool Session::full() const {
  const std::size_t pause_bytes = client_.trusted ? kOutputPauseBytes : kStrangerArgumentBytesMax;
  return out_.size() > pause_bytes || slots_.size() >= kWaitingAnswersMax || slot_bytes_ > kWaitingBytesMax;
}

bool Session::wants_input() const { return !closing_ && !held_ && !executing_ && !full() && !in_turn_; }

std::size_t Session::bytes_held() const { return reader_.bytes_held() + out_.bytes().capacity() + slot_bytes_ + queued_bytes_; }

void Session::receive(std::string_view bytes) { reader_.feed(bytes); }

bool Session::work() {
  in_turn_ = false;
  for (int commands = 0; !closing_; ++commands) {
    if (executing_) {  // To its end, so that it is submitted as one.
      if (held_ && waits()) return false;
      held_ = false;
      if (queued_.empty()) {
        executing_ = false;
        put_between(std::exchange(told_, {}));
        continue;
      }
      const Arguments arguments(queued_.front().begin(), queued_.front().end());
      take(arguments);
      if (held_) return false;
      for (const std::string& argument : queued_.front()) queued_bytes_ -= argument.size();
      queued_.pop_front();
      continue;
    }
    if (full()) {
      in_turn_ = true;
      return false;
    }
    if (held_) {
      if (waits()) return false;
      held_ = false;
    } else {
      if (commands >= kCommandsATurn) {
        in_turn_ = true;
        return true;
      }
      switch (reader_.next()) {
        case RespReader::Next::kNeedsMore: return false;
        case RespReader::Next::kBroken:
          ++host_.facts().malformed;
          error("ERR " + reader_.problem());
          closing_ = true;
          flush();
          return false;
        case RespReader::Next::kCommand: break;
      }
    }
    take(reader_.arguments());
  }
  return false;
}

void Session::error(std::string_view text) {
  ++host_.facts().error_replies;
  const std::size_t began = out_.size();
  out_.error(text);
  answer_now(began);
}

void Session::answer_now(std::size_t began) {
  if (slots_.empty()) return;  // It is where it belongs.
  Slot& slot = slots_.emplace_back();
  slot.text = out_.bytes().substr(began);
  slot.bytes = slot.text.size();
  slot_bytes_ += slot.bytes;
  out_.truncate(began);
}

// ---- Commands

void Session::tell(const std::vector<Message>& messages) {
  if (closing_) return;
  RespWriter out(out_.protocol());
  subscriptions_.tell(messages, out);
  if (out_.size() == 0 && slots_.empty() && told_.empty()) told_bytes_ = 0;
  told_bytes_ += out.size();
  if (executing_) {
    told_ += out.bytes();
  } else {
    put_between(out.bytes());
  }
}

// SUBTLE: behind all that was asked before; between two answers of a transaction nothing is put, since executing_ is set until
// all of them have their slots.
void Session::put_between(std::string_view messages) {
  if (messages.empty()) return;
  if (slots_.empty()) return out_.raw(messages);
  if (!slots_.back().told) slots_.emplace_back().told = true;
  slots_.back().text += messages;
  slots_.back().bytes += messages.size();
  slot_bytes_ += messages.size();
}

void Session::take(const Arguments& arguments) {
  // A web page that has a browser talk to this port: nothing is carried out, not even what comes behind.
  if (same_word(arguments[0], "post") || same_word(arguments[0], "host:")) {
    ++host_.facts().malformed;
    closing_ = true;
    return;
  }
  const CommandSpec* spec = find_command(arguments[0]);
  if (spec == nullptr) {
    multi_failed_ = true;
    return error(unknown_command(arguments));
  }
  if (!spec->arity_fits(arguments.size())) {
    multi_failed_ = true;
    return error("ERR wrong number of arguments for '" + std::string(spec->name) + "' command");
  }
  if (!client_.trusted && !has(spec->flags, CommandFlags::kStranger)) {
    multi_failed_ = true;
    return error("NOAUTH Authentication required.");
  }
  if (refused_to_subscriber(*spec, arguments)) return;
  const bool ends_multi = spec->name == "exec" || spec->name == "discard" || spec->name == "reset" || spec->name == "quit";
  if (in_multi_ && !ends_multi) return queue(*spec, arguments);
  carry_out(*spec, arguments, std::nullopt);
  if (!held_) ++host_.facts().commands;
}

bool Session::must_wait(Kinds kinds) {
  held_ = (pending_ & kinds) != 0;
  return held_;
}

void Session::carry_out(const CommandSpec& spec, const Arguments& arguments, const std::optional<Tag>& tag) {
  if (must_wait(spec.looks_at)) return;
  if (has(spec.flags, CommandFlags::kSession)) return carry_out_for_session(spec, arguments);
  Reads& reads = host_.reads();
  reads.begin();
  Call call{spec, arguments, out_, reads, client_, host_.cursors(), host_.facts(), tag, out_.size(), pending_};
  spec.carry_out(call);
  if (call.held) {
    out_.truncate(call.began);
    held_ = true;
    return;
  }
  if (call.failed()) ++host_.facts().error_replies;
  if (!call.writes.empty()) return submit(call);
  answer_now(call.began);
}

void Session::submit(Call& call) {
  Slot slot;
  slot.text = out_.bytes().substr(call.began);
  out_.truncate(call.began);
  slot.waiting = call.writes.size();
  slot.answer = call.answer;
  slot.base = call.base;
  slot.protocol = out_.protocol();
  slot.bytes = slot.text.size();
  const std::uint64_t index = first_slot_ + slots_.size();
  const std::uint32_t shards = host_.reads().services().shard_count();
  // SUBTLE: what one EXEC submits is one from the first of its writes on, and its last joins nothing that comes behind.
  if (executing_ && !submissions_.empty() && exec_began_) submissions_.back().with_next = true;
  for (Request& request : call.writes) {
    pending_ |= kinds_written(request);
    if (call.answer != Answer::kReplicas && shards > 0 && request.key.size() <= kKeyBytesMax) note_written(shard_of(request.table, request.key, shards));
    slot.bytes += bytes_of(request);
    const bool uncounted = request.op == ClientOp::kIncr && (call.answer == Answer::kNumber || call.answer == Answer::kCreated);
    submissions_.push_back({host_.new_ticket(client_.id, uncounted ? index | kUncounted : index), std::move(request), &request != &call.writes.back()});
  }
  exec_began_ = executing_;
  slot_bytes_ += slot.bytes;
  slots_.push_back(std::move(slot));
}

void Session::note_written(ShardId shard) {
  const auto at = std::lower_bound(written_.begin(), written_.end(), shard);
  if (at == written_.end() || *at != shard) written_.insert(at, shard);
}

void Session::answered(std::uint64_t index, const ClientReply& reply) {
  const bool uncounted = (index & kUncounted) != 0;
  index &= ~kUncounted;
  if (index < first_slot_ || index - first_slot_ >= slots_.size()) return;
  Slot& slot = slots_[index - first_slot_];
  if (reply.status == Status::kRefused || reply.status == Status::kError) {
    if (reply.code == "no_value" && slot.answer == Answer::kOneOrNone) {
      slot.none = true;
    } else if (slot.error.empty()) {
      slot.error = error_of(reply);
    }
  } else {
    if (!uncounted) slot.number += static_cast<std::int64_t>(slot.answer == Answer::kCreated ? reply.created : reply.number);
    slot.total = reply.total.value_or(0);
    if (reply.status != Status::kOk) {
      for (const ShardId shard : std::exchange(slot.shards, {})) note_written(shard);  // The next WAIT is about these, too.
    }
    slot.replicas = std::min(slot.replicas, static_cast<std::int64_t>(reply.replicas.size()) - 1);
  }
  if (--slot.waiting == 0) flush();
}

void Session::flush() {
  while (!slots_.empty() && slots_.front().waiting == 0) {
    const Slot& slot = slots_.front();
    if (!slot.error.empty()) {
      ++host_.facts().error_replies;
      out_.error(slot.error);
    } else {
      std::int64_t total = 0;
      switch (slot.answer) {
        case Answer::kText: out_.raw(slot.text); break;
        case Answer::kNumber:
        case Answer::kCreated: out_.integer(slot.number + slot.base); break;
        case Answer::kOneOrNone: out_.integer(slot.none ? 0 : 1); break;
        case Answer::kReplicas: out_.integer(std::max<std::int64_t>(0, slot.replicas)); break;
        case Answer::kTotal:
          if (__builtin_add_overflow(slot.total, slot.base, &total)) total = slot.base > 0 ? INT64_MAX : INT64_MIN;
          out_.integer(total);
          break;
      }
    }
    slot_bytes_ -= slot.bytes;
    slots_.pop_front();
    ++first_slot_;
  }
  if (slots_.empty()) pending_ = kNothing;
}

// ---- MULTI

void Session::queue(const CommandSpec& spec, const Arguments& arguments) {
  if (has(spec.flags, CommandFlags::kNotInMulti)) {
    return error(spec.name == "multi" ? "ERR MULTI calls can not be nested" : "ERR " + upper(spec.name) + " inside MULTI is not allowed");
  }
  std::size_t bytes = 0;
  for (const std::string_view argument : arguments) bytes += argument.size() + sizeof(std::string);
  if (queued_.size() >= kQueuedCommandsMax || queued_bytes_ + bytes > kQueuedBytesMax) {
    multi_failed_ = true;
    return error("ERR a transaction may have " + std::to_string(kQueuedCommandsMax) + " commands of " + std::to_string(kQueuedBytesMax) +
                 " bytes in all: this one is not queued, and EXEC will do nothing");
  }
  queued_.emplace_back(arguments.begin(), arguments.end());
  for (const std::string_view argument : arguments) queued_bytes_ += argument.size();
  const std::size_t began = out_.size();
  out_.simple("QUEUED");
  answer_now(began);
}

void Session::begin_transaction() {
  in_multi_ = true;
  multi_failed_ = false;
  const std::size_t began = out_.size();
  out_.ok();
  answer_now(began);
}

void Session::end_transaction() {
  in_multi_ = false;
  multi_failed_ = false;
  queued_.clear();
  queued_bytes_ = 0;
}

void Session::carry_out_transaction() {
  if (!in_multi_) return error("ERR EXEC without MULTI");
  if (multi_failed_) {
    end_transaction();
    return error("EXECABORT Transaction discarded because of previous errors.");
  }
  in_multi_ = false;
  executing_ = true;
  exec_began_ = false;
  const std::size_t began = out_.size();
  out_.array(queued_.size());
  answer_now(began);
}

}  // namespace kith::redis
