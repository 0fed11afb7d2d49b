#include "node/engine_thread.h"

#include <poll.h>
#include <zmq.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>

#include "crdt/check.h"
#include "gossip/message.h"
#include "node/commit_watch.h"
#include "node/config.h"
#include "node/documents.h"
#include "node/faults.h"
#include "node/inspect.h"
#include "node/leaving.h"
#include "node/log.h"
#include "node/meters.h"
#include "node/reads.h"
#include "node/redone_file.h"
#include "node/requests.h"
#include "node/transport.h"
#include "node/waker.h"

namespace kith {

namespace {

// One commit takes in so much at most: what waits longer than this waits for the next.
constexpr std::size_t kGatherInputsMax = 4096;
constexpr std::size_t kGatherBytesMax = 8 * 1024 * 1024;
// A commit that takes so long may wait for a share of that, and no longer than this, before it begins.
constexpr std::chrono::microseconds kLongCommit{400};
constexpr int kLingerShare = 8;
constexpr std::chrono::microseconds kLingerMost{1000};
// The root is read from the disk; "unchanged since" need not be finer.
constexpr std::int64_t kRootLookMs = 250;
// Who is living changes with time; a thousand members take a tenth of a millisecond.
constexpr std::int64_t kRosterLookMs = 100;
// How long a node that goes down waits for replicas to acknowledge what was asked of it.
constexpr std::int64_t kStopWaitMs = 2000;
// How often a node that leaves looks whether the others have caught up.
constexpr std::int64_t kLeaveLookMs = 50;
// What this thread asks of the engine itself.
constexpr std::uint64_t kOwnRequest = ~std::uint64_t{0};
// And for the peers to be told.
constexpr std::int64_t kFarewellMs = 500;

LogLevel level_of(Output::Note::Level level) {
  switch (level) {
    case Output::Note::Level::kInfo: return LogLevel::kInfo;
    case Output::Note::Level::kWarning: return LogLevel::kWarning;
    case Output::Note::Level::kError: break;
  }
  return LogLevel::kError;
}

}  // namespace

Instant read_clocks() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  return {duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(),
          duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

void commit_all(Engine& engine, Store& store, Output& out) {
  while (!out.store.empty()) {
    StoreBatch batch;
    std::swap(batch, out.store);
    engine.committed(read_clocks(), store.commit(batch), out);
  }
}

struct EngineThread::Impl {
  struct ClientJob {
    Ticket ticket;
    Request request;
  };
  struct WriteJob {  // Made ready by who submits it.
    std::uint64_t id = 0;
    Operation operation;
    std::size_t bytes = 0;
    bool with_next = false;
  };
  struct StatusJob {
    std::shared_ptr<std::promise<std::string>> answer;
  };
  using Job = std::variant<ClientJob, WriteJob, StatusJob, RowDamaged, ShardDoubted, JoinThrough>;
  struct Waiting {  // A write that the engine has not answered yet.
    std::uint64_t id = 0;
    std::optional<Tag> tag;
  };

  Impl(Parts the_parts, Output started) : parts(std::move(the_parts)), out(std::move(started)), redone(parts.data) {}

  std::string run() {
    begun = read_clocks();
    root_since_ms = begun.wall_ms;
    try {
      act();
      look_at_root(begun);
      while (!failure && !(stop && finish_stopping())) {
        sleep();
        gather();
        wait_for_those_answered();
        act();
      }
    } catch (const StoreError& error) {
      failure = std::string("the disk failed, and nothing that was not durable has been answered: ") + error.what() +
                ". Mend the disk or free room on it, then start this node again: it will get what it missed from its peers";
    }
    if (!failure) say_farewell();
    return failure.value_or("");
  }

  // ---- Waiting and gathering

  void sleep() {
    const std::int64_t now_ms = read_clocks().monotonic_ms;
    std::int64_t due_ms = std::min({out_wake_ms, probe_ms.value_or(out_wake_ms), parts.transport.tick(now_ms), root_look_ms});
    if (stop) due_ms = std::min(due_ms, now_ms + 10);
    const std::int64_t wait_ms = more_waits ? 0 : std::clamp<std::int64_t>(due_ms - now_ms, 0, 60'000);
    zmq::pollitem_t items[] = {{parts.transport.poll_handle(), 0, ZMQ_POLLIN, 0}, {nullptr, waker.fd(), ZMQ_POLLIN, 0}};
    (void)zmq_poll(items, 2, static_cast<long>(wait_ms));  // Interrupted or not, we look.
    waker.clear();
  }

  // Clients and peers take turns, so that neither keeps the other waiting.
  void gather() {
    {
      const std::scoped_lock lock(mutex);
      if (jobs.empty()) {
        jobs.swap(inbox);
      } else {
        std::move(inbox.begin(), inbox.end(), std::back_inserter(jobs));
        inbox.clear();
      }
    }
    std::size_t inputs = 0, bytes = 0;
    bool frames_wait = true;
    bool together = false;  // The next job belongs to the one before.
    more_waits = false;
    while (!jobs.empty() || frames_wait) {
      if (!together && (++inputs > kGatherInputsMax || bytes > kGatherBytesMax)) {
        more_waits = true;
        break;
      }
      if (!jobs.empty()) {
        Job job = std::move(jobs.front());
        jobs.pop_front();
        if (auto* write = std::get_if<WriteJob>(&job)) {
          bytes += write->bytes;
          together = write->with_next && !jobs.empty();
          take(std::move(*write));
        } else if (auto* client = std::get_if<ClientJob>(&job)) {
          bytes += bytes_of(client->request);
          together = false;
          take(client->ticket, std::move(client->request));
        } else if (auto* asked = std::get_if<StatusJob>(&job)) {
          asked->answer->set_value(document(ClientOp::kStatus));
        } else {
          std::visit(
              [this](auto& found) {
                using Found = std::decay_t<decltype(found)>;
                if constexpr (std::is_same_v<Found, RowDamaged> || std::is_same_v<Found, ShardDoubted> ||
                              std::is_same_v<Found, JoinThrough>) {
                  step(found);
                }
              },
              job);
        }
      }
      if (frames_wait && !together) {
        auto frame = parts.transport.receive();
        frames_wait = frame.has_value();
        if (frame) {
          bytes += frame->size();
          step(PeerFrame{std::move(*frame)});
        }
      }
    }
    if (read_clocks().monotonic_ms >= out_wake_ms) step(Tick{});
    if (probe_ms && read_clocks().monotonic_ms >= *probe_ms) step(ProbeTick{});
  }

  // Clients that wait for an answer before they write again would fall into two halves, of which one writes while the
  // other's commit is synced: each commit would carry half of what it could.  So a commit that takes long waits a little
  // for those who were answered after the last one.
  void wait_for_those_answered() {
    using std::chrono::microseconds;
    if (writes == 0 || answered == 0 || commit_took < kLongCommit) return;
    const std::size_t wanted = std::min(writes + answered, kGatherInputsMax);
    const auto until = std::chrono::steady_clock::now() + std::min(commit_took / kLingerShare, kLingerMost);
    while (writes < wanted && !more_waits && !stop) {
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0) return;
      const timespec most{0, static_cast<long>(left.count())};
      pollfd wakes{waker.fd(), POLLIN, 0};
      if (::ppoll(&wakes, 1, &most, nullptr) <= 0) return;
      waker.clear();
      gather();
    }
  }

  void give(Job job) {  // Any thread.
    {
      const std::scoped_lock lock(mutex);
      inbox.push_back(std::move(job));
    }
    waker.wake();
  }

  void step(Input input) {
    parts.engine.step(read_clocks(), input, out);
    stepped = true;
  }

  // ---- Requests of clients

  static WriteJob write_of(Ticket ticket, Request request, bool with_next) {
    const std::size_t bytes = bytes_of(request);
    const std::uint64_t id = request.id;
    return {id, operation_of(ticket, std::move(request)), bytes, with_next};
  }

  void take(WriteJob write) {
    waiting[write.operation.request] = {write.id, write.operation.tag};
    ++writes;
    step(std::move(write.operation));
  }

  void take(Ticket ticket, Request request) {
    if (request.op == ClientOp::kDrain) return drain(ticket, request);
    if (request.op == ClientOp::kEvict || request.op == ClientOp::kRecover) {
      waiting[ticket] = {request.id, std::nullopt};
      return step(Evict{ticket, std::move(request.members), request.op == ClientOp::kRecover});
    }
    if (is_write(request.op)) return take(write_of(ticket, std::move(request), false));
    if (may_ask_others(request.op)) {
      Consult consult{ticket, request.table, request.key, request.replicas, request.timeout_ms};
      consulting.emplace(ticket, std::move(request));
      return step(consult);
    }
    ClientReply reply;
    reply.id = request.id;
    if (request.op == ClientOp::kFault) {
      obey(request, reply);
    } else {
      reply.document = document(request.op);
    }
    parts.reply(ticket, std::move(reply));
  }

  void drain(Ticket ticket, const Request& request) {
    const std::string name = parts.engine.health(read_clocks()).name;
    const bool for_another = !request.members.empty() && request.members.front() != name;
    if (for_another || (!request.text.empty() && request.text != "cancel")) {
      return parts.reply(ticket, error_reply(request, "bad_request",
                                             for_another ? "this is " + name + ", not " + request.members.front() + ": a node is told itself to leave"
                                                         : "drain takes no text, or \"cancel\""));
    }
    waiting[ticket] = {request.id, std::nullopt};
    step(Drain{ticket, request.text == "cancel"});
  }

  std::string document(ClientOp op) {
    const Instant now = read_clocks();
    look_at_root(now);
    const EngineStatus status = parts.engine.status(now);
    NodeFacts facts{.engine = status, .usage = parts.store.usage()};
    facts.data = parts.data;
    facts.client_address = parts.front.address();
    facts.peer_address = parts.transport.address();
    facts.started_wall_ms = begun.wall_ms;
    facts.uptime_ms = now.monotonic_ms - begun.monotonic_ms;
    facts.gossip_interval_ms = parts.gossip_interval_ms;
    facts.root = root;
    facts.root_since_wall_ms = root_since_ms;
    facts.stopping = stop;
    facts.front = &parts.front.counters();
    facts.transport = &parts.transport.counters();
    facts.faults = parts.faults;
    facts.scrub = parts.scrub;
    facts.requests_in_flight = parts.front.requests_in_flight();
    facts.redone_path = redone.path();
    facts.redone_lines = redone.lines();
    return op == ClientOp::kHello ? hello_document(facts) : status_document(facts);
  }

  void obey(const Request& request, ClientReply& reply) {
    if (parts.faults == nullptr) {
      reply = error_reply(request, "faults_not_allowed", "this node was started without --allow-faults");
      return;
    }
    introduce_members(parts.engine.status(read_clocks()));
    if (const std::string problem = parts.faults->obey(request.text); !problem.empty()) {
      reply = error_reply(request, "bad_request", problem);
      return;
    }
    log(LogLevel::kWarning, "fault: " + request.text);
    reply.document = parts.faults->document();
  }

  void introduce_members(const EngineStatus& status) {
    for (const MemberStatus& member : status.members) {
      if (!member.self) parts.faults->know(member.id, {member.name, member.peer_address});
    }
  }

  // ---- Acting on what the engine said, in its order

  void act() {
    // The time first: whoever reads what is now committed must be told a time above it.
    const Instant now = read_clocks();
    parts.facts.time = parts.engine.time(now).value;
    const bool commits = !out.store.empty();
    if (commits) committed_since_look = stepped = true;
    // SUBTLE: raised before what shows it is durable, and lowered after: see EngineFacts.
    if (parts.engine.reads_may_be_stale()) parts.facts.reads_may_be_stale = true;
    const auto began = std::chrono::steady_clock::now();
    parts.engine.let_go();
    commit_measured();
    if (commits) {
      ++parts.facts.commits;
      commit_took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
    }
    if (writes > 0) answered = out.replies.size();
    writes = 0;
    parts.facts.reads_may_be_stale = parts.engine.reads_may_be_stale();
    parts.facts.some_reads_ask_others = parts.engine.some_reads_ask_others();
    for (Output::Send& send : out.sends) {
      parts.transport.send(send.address, send.to, std::move(send.bytes), now.monotonic_ms);
    }
    for (const std::string& address : out.reconnect) parts.transport.reconnect(address, now.monotonic_ms);
    answer_all();
    for (const Output::Note& note : out.notes) log(level_of(note.level), note.text);
    if (!out.redone.empty()) list_redone(now);
    if (!joined) look_whether_joined(now);
    misfit |= out.refused_for_good;
    if (out.refused_for_good) failure = out.notes.empty() ? "the cluster refuses this node" : out.notes.back().text;
    if (stepped) out_wake_ms = out.wake_at_ms, probe_ms = out.probe_at_ms;
    stepped = false;
    out.clear();
    if (parts.engine.has_left()) stop = true;
    if (parts.engine.life_is_over() && !stop) return begin_anew(now);
    if (now.monotonic_ms >= roster_look_ms) {
      roster_look_ms = now.monotonic_ms + kRosterLookMs;
      parts.front.tell(parts.engine.roster(now));
    }
    if (now.monotonic_ms >= root_look_ms) {
      look_at_root(now);
      if (parts.faults != nullptr && parts.faults->any()) introduce_members(parts.engine.status(now));
    }
  }

  void commit_measured() {
    Meters& meters = *parts.meters;
    CommitWatch* const watch = parts.watch ? parts.watch() : nullptr;
    while (!out.store.empty()) {
      StoreBatch batch;
      std::swap(batch, out.store);
      const bool watched = watch != nullptr && watch->wanted();
      if (watched) watch->before(batch);
      const auto began = std::chrono::steady_clock::now();
      const CommitReport report = parts.store.commit(batch);
      meters.commit_seconds.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
      meters.commit_rows.observe(static_cast<double>(report.rows_changed));
      if (watched) watch->after();
      parts.engine.committed(read_clocks(), report, out);
    }
    if (out.arrived.empty()) return;
    const std::int64_t wall_ms = read_clocks().wall_ms;
    // An origin's clock may be ahead of ours: then nothing is known but that it was quick.
    for (const Timestamp at : out.arrived) {
      meters.convergence_lag_seconds.observe(static_cast<double>(std::max<std::int64_t>(0, wall_ms - at.ms())) / 1000);
    }
    out.arrived.clear();
  }

  // It was evicted while it was away, or is an observer that became a copy of a replica.
  void begin_anew(Instant now) {
    const bool evicted = parts.engine.health(now).life_is_over;
    answer_reads("evicted", std::string(evicted ? "this node was evicted while it was away" : "this observer became a copy of a replica") +
                                ", and begins anew: ask another one, or try again in a moment");
    answer_waiting("durable here; the life of this node ended before the level that was asked for was reached");
    parts.engine.begin_anew(now, out);
    stepped = true;
    act();
  }

  // What nobody had seen and was done again is durable; the list is for people.
  void list_redone(Instant now) {
    const std::string count = std::to_string(out.redone.size()) + (out.redone.size() == 1 ? " write" : " writes");
    const std::string what = count + " of an earlier life that nobody else had seen: looked through, and done again where they still count";
    if (const std::string problem = redone.append(out.redone, now.wall_ms); !problem.empty()) {
      return log(LogLevel::kError, what + "; they could not all be listed, which changes nothing else: " + problem);
    }
    log(LogLevel::kWarning, what + "; each is a line of " + redone.path());
  }

  void look_whether_joined(Instant now) {
    const EngineStatus status = parts.engine.status(now);
    if (!status.joined || !status.introduced) return;  // Before, it takes no writes.
    joined = true;
    parts.facts.shard_count = status.shard_count;
    parts.on_joined(status);
  }

  // Of a read that asked others.
  bool answer_read(Reply& reply) {
    const auto read = consulting.find(reply.request);
    if (read == consulting.end()) return false;
    Request request = std::move(read->second);
    consulting.erase(read);
    if (reply.outcome == Outcome::kOk) parts.read(reply.request, std::move(request), std::move(reply.replicas));
    else parts.reply(reply.request, error_reply(request, std::string(to_string(reply.code)), std::move(reply.message)));
    return true;
  }

  // SUBTLE: those of one port at once: were it woken by the first, it would serve a client, sleep and be woken again by the next.
  void answer_all() {
    std::vector<Reply> at_once;
    for (Reply& reply : out.replies) {
      if (answer_read(reply)) continue;
      if (reply.request == kOwnRequest) {
        leave_refused = reply.outcome == Outcome::kRefused ? reply.message : "";
        continue;
      }
      const auto found = waiting.find(reply.request);
      KITH_CHECK(found != waiting.end(), "the engine answers what nobody asked", reply.request);
      if (found->second.tag) count_tagged(reply);
      const std::uint64_t id = found->second.id;
      waiting.erase(found);
      const Ticket ticket = reply.request;
      if (parts.replies && parts.takes(ticket)) {
        at_once.push_back(std::move(reply));
        continue;
      }
      ClientReply client = reply_of(std::move(reply));
      client.id = id;
      parts.reply(ticket, std::move(client));
    }
    if (!at_once.empty()) parts.replies(std::move(at_once));
  }

  void count_tagged(const Reply& reply) {
    const bool refused = reply.outcome == Outcome::kRefused;
    const Meters::Outcome outcome = !refused                                        ? reply.changed > 0 ? Meters::kApplied : Meters::kUnchanged
                                    : reply.code == Refusal::kRetryWindowPassed ? Meters::kWindowPassed
                                    : reply.code == Refusal::kTagFromFuture     ? Meters::kFromFuture
                                                                                : Meters::kRefused;
    Histogram::add(parts.meters->tagged_writes[outcome], 1);
  }

  void look_at_root(Instant now) {
    root_look_ms = now.monotonic_ms + kRootLookMs;
    if (!std::exchange(committed_since_look, false)) return;
    const std::uint64_t present = parts.store.snapshot()->root();
    if (present != root) root_since_ms = now.wall_ms;
    root = present;
  }

  // ---- Stopping

  // True once everything that was asked is answered, or has waited long enough.
  bool finish_stopping() {
    const std::int64_t now_ms = read_clocks().monotonic_ms;
    {
      const std::scoped_lock lock(mutex);
      if (more_waits || !jobs.empty() || !inbox.empty()) return false;
    }
    const bool leaves = parts.leave_ms > 0 && !handed_over && !failure && !parts.engine.has_left();
    if (leaves && !leave(now_ms)) return false;
    if (stop_told_ms == 0) {
      stop_told_ms = now_ms;
      step(Stop{});
      act();
    }
    answer_reads("stopping", "this node is going down: ask another one");
    if (failure || waiting.empty()) return true;
    if (now_ms - stop_told_ms < kStopWaitMs) return false;
    answer_waiting("durable here; the node went down before the level that was asked for was reached");
    return true;
  }

  // Nobody writes here any more.  True when it may go.
  bool leave(std::int64_t now_ms) {
    const Instant now = read_clocks();
    if (!leaving_since) {
      leaving_since = parts.engine.time(now);
      leaving_since_ms = now_ms;
      if (parts.leave_for_good) {
        step(Drain{kOwnRequest, false});
        act();
        if (!leave_refused.empty()) log(LogLevel::kWarning, "cannot leave for good: " + leave_refused);
      }
      log(LogLevel::kInfo, std::string("leaving: takes no more requests, and stays until the other members hold what it has") +
                               (leaves_for_good() ? " and have agreed that it goes for good, " : ", ") + format_duration(parts.leave_ms) +
                               " at most; a second signal ends that");
    }
    if (now_ms < leave_look_ms && !in_a_hurry) return false;
    leave_look_ms = now_ms + kLeaveLookMs;
    const bool time_is_up = in_a_hurry || now_ms - leaving_since_ms >= parts.leave_ms;
    if (leaves_for_good()) {
      if (!time_is_up) return false;
      left_behind = "went before it had left the cluster: " + in_words(parts.engine.status(now).leave) + ". It is a member still; what it has is on its disk";
      step(Drain{kOwnRequest, true});
      act();
      return handed_over = true;
    }
    const HandOver state = hand_over(parts.engine.status(now), *leaving_since, now_ms - leaving_since_ms);
    if (state.done()) {
      log(LogLevel::kInfo, "handed over: " + in_words(state));
    } else if (time_is_up) {
      left_behind = "went before it had handed over: " + in_words(state) + ". What only this node has is on its disk, and spreads when it is started again";
    } else {
      return false;
    }
    return handed_over = true;
  }

  bool leaves_for_good() const { return parts.leave_for_good && leave_refused.empty(); }

  // Stepped and committed, so it is durable here; how far it got is not known.
  void answer_waiting(const std::string& message) {
    for (const auto& [ticket, asked] : waiting) {
      ClientReply reply;
      reply.id = asked.id;
      reply.status = Status::kStored;
      reply.tag = asked.tag;
      reply.message = message;
      parts.reply(ticket, std::move(reply));
    }
    waiting.clear();
  }

  // Nobody will tell any more.
  void answer_reads(const std::string& code, const std::string& message) {
    for (const auto& [ticket, request] : std::exchange(consulting, {})) parts.reply(ticket, error_reply(request, code, message));
  }

  void say_farewell() {
    const std::int64_t until_ms = read_clocks().monotonic_ms + kFarewellMs;
    while (parts.transport.bytes_waiting() > 0) {
      const std::int64_t now_ms = read_clocks().monotonic_ms;
      if (now_ms >= until_ms) break;
      (void)parts.transport.tick(now_ms);
      (void)zmq_poll(nullptr, 0, 2);
    }
  }

  Parts parts;
  Output out;
  RedoneFile redone;
  std::int64_t out_wake_ms = 0;
  std::optional<std::int64_t> probe_ms;
  bool stepped = true;        // Since `out` was last acted on.
  bool more_waits = false;
  std::size_t writes = 0;        // Stepped since the last commit.
  std::size_t answered = 0;      // After the last commit of writes.
  std::chrono::microseconds commit_took{0};
  bool joined = false;
  std::optional<std::string> failure;
  bool misfit = false;
  std::unordered_map<Ticket, Waiting> waiting;
  std::unordered_map<Ticket, Request> consulting;  // Reads that ask other members.
  std::deque<Job> jobs;
  Instant begun;
  std::uint64_t root = 0;
  std::int64_t root_since_ms = 0;  // Wall.
  std::int64_t root_look_ms = 0;
  std::int64_t roster_look_ms = 0;
  bool committed_since_look = true;
  std::int64_t stop_told_ms = 0;
  std::optional<Timestamp> leaving_since;
  std::int64_t leaving_since_ms = 0, leave_look_ms = 0;
  bool handed_over = false;      // Or it was given up.
  std::string left_behind;       // Then why, for people.
  std::string leave_refused;     // It was to leave for good, and cannot: why.

  Waker waker;
  std::mutex mutex;
  std::deque<Job> inbox;  // Guarded by mutex.
  std::atomic<bool> stop{false};
  std::atomic<bool> in_a_hurry{false};
};

EngineThread::EngineThread(Parts parts, Output started)
    : impl_(std::make_unique<Impl>(std::move(parts), std::move(started))) {}
EngineThread::~EngineThread() = default;

std::string EngineThread::run() { return impl_->run(); }
std::string EngineThread::left_behind() const { return impl_->left_behind; }
bool EngineThread::refused() const { return impl_->misfit; }

void EngineThread::submit(Ticket ticket, Request request) {
  bool first = false;
  {
    const std::scoped_lock lock(impl_->mutex);
    first = impl_->inbox.empty();
    impl_->inbox.emplace_back(Impl::ClientJob{ticket, std::move(request)});
  }
  if (first) impl_->waker.wake();
}

void EngineThread::submit(std::vector<Submission> writes) {
  if (writes.empty()) return;
  std::vector<Impl::WriteJob> ready;
  ready.reserve(writes.size());
  for (Submission& write : writes) ready.push_back(Impl::write_of(write.ticket, std::move(write.request), write.with_next));
  bool first = false;
  {
    const std::scoped_lock lock(impl_->mutex);
    first = impl_->inbox.empty();
    for (Impl::WriteJob& write : ready) impl_->inbox.emplace_back(std::move(write));
  }
  if (first) impl_->waker.wake();
}

void EngineThread::damaged(const StoreKey& key) { impl_->give(RowDamaged{key}); }

void EngineThread::doubted(ShardId shard) { impl_->give(ShardDoubted{shard}); }

void EngineThread::join_through(std::vector<std::string> addresses) { impl_->give(JoinThrough{std::move(addresses)}); }

std::optional<std::string> EngineThread::status(std::chrono::milliseconds timeout) {
  const auto answer = std::make_shared<std::promise<std::string>>();
  std::future<std::string> future = answer->get_future();
  impl_->give(Impl::StatusJob{answer});
  if (future.wait_for(timeout) != std::future_status::ready) return std::nullopt;
  return future.get();
}

void EngineThread::hurry() {
  impl_->in_a_hurry = true;
  impl_->waker.wake();
}

void EngineThread::stop() {
  impl_->stop = true;
  impl_->waker.wake();
}

}  // namespace kith
