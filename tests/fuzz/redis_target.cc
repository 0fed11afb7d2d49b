// A session of the Redis port on a node without a socket: what comes whole and what comes in pieces is answered alike, with replies
// that a client can read, and nothing is owed at the end.
#include <algorithm>
#include <memory>
#include <unordered_map>

#include "crdt/check.h"
#include "node/redis/change_watch.h"
#include "node/redis/cursors.h"
#include "node/redis/session.h"
#include "node/requests.h"
#include "tests/fuzz/member.h"
#include "tests/fuzz/resp_values.h"
#include "tests/fuzz/targets.h"

namespace kith::fuzz {

namespace {

using namespace kith::redis;

constexpr std::size_t kInputMax = 4096;  // Longer ones say nothing new, and 1,000 commands take a while.
constexpr int kTurnsMax = 10'000;
constexpr const char* kPassword = "secret";

class Client final : public Session::Host {
 public:
  explicit Client(bool asked_for_password)
      : member_("n1", "", std::make_unique<MemoryStore>(), 5),
        services_{member_.store(), "n1", "default", asked_for_password ? kPassword : "", [] { return Member::kShards; },
                  [this] { return member_.now().wall_ms; }, [] { return false; }, [this] { return member_.commits(); },
                  [](const StoreKey&) {}, [](std::vector<Submission>) {}},
        reads_(services_), session_(*this, client(!asked_for_password)),
        watch_(services_, facts_, [this](const std::shared_ptr<const std::vector<Message>>& messages) {
          KITH_CHECK(messages != nullptr, "what a commit changed could not be read");
          session_.tell(*messages);
        }) {
    member_.watch(&watch_);
  }

  // In pieces of so many bytes.  All that was answered.
  std::string say(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty() && !session_.closing()) {
      KITH_CHECK(session_.wants_input(), "all is answered and fetched, and it wants no more", bytes.size());
      session_.receive(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
      answer_all();
    }
    KITH_CHECK(session_.submissions().empty() && !session_.waits(), "something is left over");
    return said_;
  }

  Reads& reads() override { return reads_; }
  Cursors& cursors() override { return cursors_; }
  PortFacts& facts() override { return facts_; }
  Ticket new_ticket(std::uint64_t, std::uint64_t slot) override {
    slots_[++last_ticket_] = slot;
    return last_ticket_;
  }
  Tag new_tag() override { return {Timestamp::at_ms(member_.now().wall_ms), ActorId{1}}; }

 private:
  static ClientState client(bool trusted) {
    ClientState out;
    out.id = 7;
    out.trusted = trusted;
    return out;
  }

  void answer_all() {
    for (int turns = 0;; ++turns) {
      KITH_CHECK(turns < kTurnsMax, "it never comes to an end");
      const bool more = session_.work();
      facts_.subscribers = session_.subscriptions().empty() ? 0 : 1;
      said_ += std::exchange(session_.output().bytes(), {});
      bool answered = submit();
      if (!answered && session_.waits()) answered = pass_time();
      reads_.forget();
      if (!more && !answered && !session_.can_go_on()) return;
    }
  }

  bool submit() {
    std::vector<Submission> submissions = std::exchange(session_.submissions(), {});
    if (submissions.empty()) return false;
    std::vector<Input> inputs;
    for (Submission& it : submissions) inputs.emplace_back(operation_of(it.ticket, std::move(it.request)));
    member_.step(inputs);
    take_replies();
    return true;
  }

  bool pass_time() {  // For a WAIT that nobody can fulfil.
    constexpr std::int64_t kDayMs = 24 * 60 * 60 * 1000;
    member_.pass_ms(kDayMs + 1, 1);
    take_replies();
    KITH_CHECK(!session_.waits(), "an answer is owed for longer than a day");
    return true;
  }

  void take_replies() {
    for (Reply& reply : member_.take_replies()) {
      const std::uint64_t slot = slots_.at(reply.request);
      session_.answered(slot, reply_of(std::move(reply)));
    }
    said_ += std::exchange(session_.output().bytes(), {});
  }

  Member member_;
  Services services_;
  Reads reads_;
  Cursors cursors_{1};
  PortFacts facts_;
  std::unordered_map<Ticket, std::uint64_t> slots_;
  Ticket last_ticket_ = 0;
  std::string said_;
  Session session_;
  ChangeWatch watch_;
};

// Commands whose answers tell how the bytes came, or are drawn.
bool varies(std::string_view bytes) {
  const std::string text = lower(bytes);
  for (const char* word : {"info", "srandmember", "client", "wait", "time", "ttl", "expire", "px", "ex", "kith.tag", "subscribe"}) {
    if (text.find(word) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

void run_redis(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > kInputMax) return;
  const auto pieces = static_cast<unsigned char>(bytes[0]);
  bytes.remove_prefix(1);
  const bool asked_for_password = (pieces & 0x80) != 0;
  const std::string whole = Client(asked_for_password).say(bytes, kInputMax);
  const std::string cut = Client(asked_for_password).say(bytes, std::max<std::size_t>(pieces & 0x7f, 1));
  KITH_CHECK(readable_values(whole), "an answer that no client can read", whole);
  KITH_CHECK(readable_values(cut), "an answer that no client can read", cut);
  KITH_CHECK(varies(bytes) || whole == cut, "what came in pieces was answered in another way", whole, cut);
}

}  // namespace kith::fuzz
