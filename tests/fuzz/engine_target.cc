// Two members get to know each other, once; then each run begins with a copy of the first one's disk, in a new life, and the
// input speaks for the second.
#include <algorithm>
#include <map>
#include <memory>
#include <type_traits>

#include "crdt/bytes.h"
#include "crdt/check.h"
#include "gossip/message.h"
#include "tests/fuzz/frame.h"
#include "tests/fuzz/member.h"
#include "tests/fuzz/targets.h"

namespace kith::fuzz {

namespace {

constexpr std::size_t kMessagesMax = 64;
constexpr std::uint64_t kSeed = 7;

struct Acquainted {
  std::unique_ptr<MemoryStore> disk;  // Of the first.
  EngineStatus second;
};

void exchange(Member& first, Member& second) {
  for (Output::Send& send : first.take_sends()) second.step(PeerFrame{std::move(send.bytes)});
  for (Output::Send& send : second.take_sends()) first.step(PeerFrame{std::move(send.bytes)});
}

Operation write(std::uint64_t request, Verb verb, const std::string& key) {
  Operation out;
  out.request = request;
  out.verb = verb;
  out.table = "t";
  out.key = key;
  out.value = "x";
  out.members = {"tea", "milk"};
  out.fields = {{"f", "1"}};
  out.amount = 3;
  return out;
}

Acquainted acquaint() {
  Member first("n1", "", std::make_unique<MemoryStore>(), 1), second("n2", "n1", std::make_unique<MemoryStore>(), 2);
  const auto both = [&] { return first.status().members.size() == 2 && second.status().members.size() == 2 && second.status().introduced; };
  for (int i = 0; i < 1000 && !both(); ++i) {
    exchange(first, second);
    first.pass_ms(20);
    second.pass_ms(20);
  }
  KITH_CHECK(both(), "the two members of the fuzz target do not get to know each other");
  std::uint64_t request = 0;
  for (const Verb verb : {Verb::kSet, Verb::kSetAdd, Verb::kHashSet, Verb::kIncrement, Verb::kSetRemove}) {
    first.step(write(++request, verb, "likes"));
    second.step(write(++request, verb, "likes"));
  }
  for (int i = 0; i < 100; ++i) {
    exchange(first, second);
    first.pass_ms(20);
    second.pass_ms(20);
  }
  return {first.store().clone(), second.status()};
}

// The nonces of the last questions, by the type of their answers.
using Nonces = std::map<std::size_t, std::uint64_t>;

template <class Answer>
std::size_t index_of() {
  return Body(Answer{}).index();
}

void remember(const Body& body, Nonces& nonces) {
  std::visit(
      [&](const auto& question) {
        using Question = std::decay_t<decltype(question)>;
        if constexpr (std::is_same_v<Question, PullBody>) nonces[index_of<RowsBody>()] = question.nonce;
        if constexpr (std::is_same_v<Question, AuditBody>) nonces[index_of<BucketsBody>()] = question.nonce;
        if constexpr (std::is_same_v<Question, RepairBody>) nonces[index_of<RepairedBody>()] = question.nonce;
        if constexpr (std::is_same_v<Question, RebaseBody>) nonces[index_of<RebasedBody>()] = question.nonce;
        if constexpr (std::is_same_v<Question, PushBody>) nonces[index_of<AckBody>()] = question.nonce;
      },
      body);
}

class Conversation {
 public:
  explicit Conversation(const Acquainted& acquainted)
      : second_(acquainted.second), member_("n1", "", acquainted.disk->clone(), kSeed) {
    listen();
  }

  void say(std::uint8_t flags, std::string_view envelope) {
    member_.pass_ms((flags >> 2) * 50);
    member_.step(PeerFrame{frame_of(flags & 3 ? corrected(flags, envelope) : std::string(envelope))});
    listen();
  }

  void end() {
    member_.step(write(1, Verb::kSetAdd, "likes"));
    member_.step(write(2, Verb::kIncrement, "likes"));
    member_.pass_ms(3000);
    listen();
    (void)member_.status();
    const auto findings = member_.store().verify();
    KITH_CHECK(findings.empty(), "the store is not sound any more", findings.front());
  }

 private:
  // What this node asks, so that it can be answered.
  void listen() {
    for (const Output::Send& send : member_.take_sends()) {
      Envelope said;
      const FrameError error = decode(send.bytes, said);
      KITH_CHECK(error == FrameError::kNone, "it says what nobody can read", to_string(error));
      remember(said.body, nonces_);
    }
    (void)member_.take_replies();
  }

  std::string corrected(std::uint8_t flags, std::string_view bytes) {
    Envelope envelope;
    if (decode(frame_of(bytes), envelope) != FrameError::kNone) return std::string(bytes);
    if (flags & 1) {
      envelope.cluster = second_.cluster;
      envelope.sender = second_.node;
      envelope.origin = second_.origin;
      envelope.start = second_.start;
      envelope.wall_ms = member_.now().wall_ms;
      envelope.hlc = Timestamp::at_ms(envelope.wall_ms);
    }
    if (flags & 2) {
      const auto nonce = nonces_.find(envelope.body.index());
      if (nonce != nonces_.end()) {
        std::visit(
            [&](auto& body) {
              if constexpr (requires { body.nonce; }) body.nonce = nonce->second;
            },
            envelope.body);
      }
    }
    std::string frame = encode(envelope);
    return frame.substr(frame_of("").size());
  }

  const EngineStatus& second_;
  Member member_;
  Nonces nonces_;
};

}  // namespace

void run_engine(std::string_view bytes) {
  static const Acquainted kAcquainted = acquaint();
  Conversation conversation(kAcquainted);
  ByteReader in(bytes);
  for (std::size_t messages = 0; in.left() >= 3 && messages < kMessagesMax; ++messages) {
    const std::uint8_t flags = in.u8();
    const std::size_t size = std::min<std::size_t>(in.u16(), in.left());
    conversation.say(flags, in.bytes(size));
  }
  conversation.end();
}

}  // namespace kith::fuzz
