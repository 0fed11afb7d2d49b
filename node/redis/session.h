// node/redis/session.h -- one client of the Redis port: its bytes in, its replies out, in order.
//
//     receive(bytes) --> RespReader --> command --+--> read: answered at once, from this thread's snapshot
//                                                 +--> write: submitted; a slot is kept for its answer
//     output() <-------- slots, in order <------- answered(slot, reply): when it is durable
//
// Invariants:
//   I1. Replies leave in the order of their commands.
//   I2. A command that looks at kinds of cells which this client has written waits until that is durable, and so sees it.
//   I3. What EXEC carries out, and what one command writes, is submitted as one: it enters one commit.  Only reads between
//       writes of what was written cut an EXEC in two.
// Knows no socket; belongs to one thread.  Tests: tests/node/redis_session_test.cc
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/engine_thread.h"
#include "node/redis/call.h"
#include "node/redis/command_table.h"
#include "node/redis/port_facts.h"
#include "node/redis/resp_reader.h"
#include "node/redis/resp_writer.h"
#include "node/redis/subscriptions.h"

namespace kith::redis {

class Cursors;

// The error of a command that there is not.
std::string unknown_command(const std::vector<std::string_view>& arguments);

class Session {
 public:
  // What the thread that it belongs to has for all of its clients.
  class Host {
   public:
    virtual ~Host() = default;
    virtual Reads& reads() = 0;
    virtual Cursors& cursors() = 0;
    virtual PortFacts& facts() = 0;
    virtual Ticket new_ticket(std::uint64_t client, std::uint64_t slot) = 0;  // Under which answered() will be called.
    virtual Tag new_tag() = 0;
  };

  Session(Host& host, ClientState client);

  const ClientState& client() const { return client_; }

  // REQUIRES: wants_input().
  void receive(std::string_view bytes);
  // Carries out what is there, a turn's worth.  True: there is more to do at once.
  bool work();
  // The engine's word on one write.
  void answered(std::uint64_t slot, const ClientReply& reply);

  // What changed, for those who subscribed.  Comes between replies, never inside one.
  void tell(const std::vector<Message>& messages);
  const Subscriptions& subscriptions() const { return subscriptions_; }
  // Of messages, that wait to be fetched; at most.  Answers that are waited for, however large, are not among them.
  std::size_t bytes_told() const { return std::min(told_bytes_, out_.size() + slot_bytes_ + told_.size()); }

  // Writes, to be submitted in this order.
  std::vector<Submission>& submissions() { return submissions_; }
  // What is to be sent; whoever sends takes it from the front.
  RespWriter& output() { return out_; }

  bool wants_input() const;
  // There are commands that it has not looked at, and could now: work() has something to do.
  bool can_go_on() const { return in_turn_ && !closing_ && !full(); }
  bool closing() const { return closing_; }       // Once the output is sent.
  bool waits() const { return !slots_.empty(); }  // For the engine.
  std::size_t bytes_held() const;

 private:
  using Arguments = std::vector<std::string_view>;
  struct Slot {
    std::string text;
    std::size_t waiting = 0;   // Writes that are not answered yet.
    Answer answer = Answer::kText;
    std::int64_t base = 0;
    std::int64_t number = 0;
    std::int64_t total = 0;
    std::int64_t replicas = INT64_MAX;
    bool none = false;
    std::vector<ShardId> shards;  // That a WAIT is about; as written_.
    std::string error;
    std::size_t bytes = 0;     // Of its writes.
    int protocol = 2;
    bool told = false;         // No answer, but messages.
  };

  bool full() const;
  void take(const Arguments& arguments);     // One command as it came.
  void carry_out(const CommandSpec& spec, const Arguments& arguments, const std::optional<Tag>& tag);
  void carry_out_for_session(const CommandSpec& spec, const Arguments& arguments);
  bool must_wait(Kinds kinds);               // Then the command at hand is taken again later.
  void submit(Call& call);
  void answer_now(std::size_t began);        // What out_ has behind `began` is the next answer.
  void error(std::string_view text);
  void flush();

  void queue(const CommandSpec& spec, const Arguments& arguments);
  void begin_transaction();
  void end_transaction();                    // Forgets it.
  void carry_out_transaction();

  void say_hello(const Arguments& arguments);
  void authenticate(const Arguments& arguments);
  // Whether this is the password; if not, the answer is the error.
  bool check_password(std::string_view user, std::string_view password);
  void reset();
  void change_subscriptions(const CommandSpec& spec, const Arguments& arguments);
  // In RESP2 a subscriber's answers cannot be told from messages: so it may ask for little.  True: the answer is given.
  bool refused_to_subscriber(const CommandSpec& spec, const Arguments& arguments);
  void put_between(std::string_view messages);
  void wait_for_replicas(const CommandSpec& spec, const Arguments& arguments);
  void run_tagged(const CommandSpec& spec, const Arguments& arguments);

  Host& host_;
  ClientState client_;
  RespReader reader_;
  RespWriter out_;
  bool held_ = false;          // The reader's command waits for slots_ to be empty.
  bool closing_ = false;
  bool in_turn_ = false;       // There is more in the reader.

  std::deque<Slot> slots_;
  std::uint64_t first_slot_ = 0;
  std::size_t slot_bytes_ = 0;
  Kinds pending_ = kNothing;   // Kinds that slots_ write.
  std::vector<Submission> submissions_;
  void note_written(ShardId shard);

  // Shards that this connection wrote to since its last WAIT that reached all it asked for; sorted, each once.
  std::vector<ShardId> written_;

  bool in_multi_ = false;
  bool multi_failed_ = false;
  std::deque<std::vector<std::string>> queued_;
  std::size_t queued_bytes_ = 0;
  bool executing_ = false;     // queued_ is being carried out.
  Subscriptions subscriptions_;
  std::string told_;           // Messages that wait for the end of an EXEC.
  std::size_t told_bytes_ = 0; // Of all messages since there was nothing to be fetched.

  bool exec_began_ = false;    // The last of submissions_ is of this EXEC.
};

}  // namespace kith::redis
