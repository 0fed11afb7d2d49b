#include "node/redis/loop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <mutex>
#include <random>
#include <span>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crdt/check.h"
#include "node/log.h"
#include "node/redis/limits.h"
#include "node/redis/poller.h"
#include "node/requests.h"

namespace kith::redis {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kScratchBytes = 64 * 1024;
constexpr std::size_t kKeptOutputBytes = 64 * 1024;
// Who has not said the password by then is not going to.
constexpr std::chrono::seconds kStrangerMost{60};
constexpr std::chrono::seconds kSweepEvery{5};

constexpr Ticket kRedisTicket = Ticket{1} << 63;
constexpr int kLoopShift = 48;
// Of a ticket: its place among what is asked, and above that how often the place was taken before.
constexpr int kPlaceBits = 28;
constexpr std::uint64_t kPlaces = std::uint64_t{1} << kPlaceBits, kTurns = std::uint64_t{1} << (kLoopShift - kPlaceBits);

}  // namespace

struct Loop::Impl final : Session::Host {
 public:
  Impl(std::size_t index, const Services& services, Cursors& cursors, PortFacts& facts);
  ~Impl() override { stop(); }

  void start();
  void stop();
  void adopt(int socket, ClientState client);
  void reply(Ticket ticket, ClientReply reply);
  void reply(std::vector<Reply> replies);
  void tell(std::shared_ptr<const std::vector<Message>> messages);
  void refuse_new();
  std::size_t busy() const { return busy_.load(); }

  Reads& reads() override { return reads_; }
  Cursors& cursors() override { return cursors_; }
  PortFacts& facts() override { return facts_; }
  Ticket new_ticket(std::uint64_t client, std::uint64_t slot) override;
  Tag new_tag() override;

 private:
  struct Connection;
  struct Asked {
    std::uint64_t client = 0;  // 0: nobody; the place is free.
    std::uint64_t slot = 0;
    std::uint64_t turn = 0;
  };

  void run();
  std::span<const Poller::Ready> sleep();
  void look_at(const Poller::Ready& ready);
  void take_in();
  void refuse_all();
  Asked take_asked(Ticket ticket);
  void take_replies();
  void tell_all();
  void note_subscriptions(const std::shared_ptr<Connection>& connection);
  void submit_all();
  void begin(const std::shared_ptr<Connection>& connection);
  void read(const std::shared_ptr<Connection>& connection);
  void pump(const std::shared_ptr<Connection>& connection);
  bool send(const std::shared_ptr<Connection>& connection);           // False: the connection is gone.
  void close(const std::shared_ptr<Connection>& connection);
  void account(Connection& connection);
  void watch(const std::shared_ptr<Connection>& connection, bool reading);
  void hold_within_limits();
  void cut_off(const std::shared_ptr<Connection>& connection, const char* why);
  void sweep();

  const std::size_t index_;
  const Services& services_;
  Cursors& cursors_;
  PortFacts& facts_;
  Reads reads_;
  Poller poller_;
  std::thread thread_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> refusing_{false};
  std::atomic<std::size_t> busy_{0};

  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> subscribers_;  // Of those.
  std::vector<Asked> asked_;
  std::vector<std::uint64_t> asked_free_;  // Places in asked_.
  std::vector<Submission> submissions_;
  std::vector<std::shared_ptr<Connection>> again_;    // There is more to do for them at once.
  std::vector<std::shared_ptr<Connection>> touched_;  // Kept for its memory.
  Clock::time_point now_ = Clock::now();              // Of this turn.
  Clock::time_point sweep_at_ = Clock::now() + kSweepEvery;
  bool refused_ = false;
  std::vector<char> scratch_;
  std::mt19937_64 random_;

  std::mutex mutex_;
  std::vector<std::shared_ptr<Connection>> adopted_;  // Guarded by mutex_, as all below.
  std::vector<std::pair<Ticket, ClientReply>> inbox_;
  std::vector<Reply> written_;
  std::vector<std::shared_ptr<const std::vector<Message>>> news_;
  std::size_t news_bytes_ = 0;
  bool news_lost_ = false;
};

struct Loop::Impl::Connection {
  Connection(Impl& loop, int the_socket, ClientState client)
      : socket(the_socket), session(loop, std::move(client)), progress(Clock::now()) {}
  ~Connection() {
    if (socket >= 0) ::close(socket);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket;                   // -1: closed.
  Session session;
  std::size_t sent = 0;         // Of the session's output.
  bool reading = false;         // What comes is read.
  bool writing = false;         // Waits for room.
  bool armed_to_read = true, armed_to_write = false;  // What the poller was told.
  bool pumping = false;         // Posted.
  bool open = true;
  bool busy = false;
  bool subscribed = false;      // Counted as one who is.
  Clock::time_point began = Clock::now();
  Clock::time_point progress;   // When it last took or brought something.
  std::size_t accounted = 0;
  std::size_t accounted_as_stranger = 0;
};

Loop::Impl::Impl(std::size_t index, const Services& services, Cursors& cursors, PortFacts& facts)
    : index_(index), services_(services), cursors_(cursors), facts_(facts), reads_(services), scratch_(kScratchBytes), random_(std::random_device{}()) {}

Ticket Loop::Impl::new_ticket(std::uint64_t client, std::uint64_t slot) {
  std::uint64_t place = asked_.size();
  if (asked_free_.empty()) {
    KITH_CHECK(place < kPlaces, "more is asked of the engine than it ever takes", place);
    asked_.emplace_back();
  } else {
    place = asked_free_.back();
    asked_free_.pop_back();
  }
  Asked& asked = asked_[place];
  asked = {client, slot, (asked.turn + 1) % kTurns};
  return kRedisTicket | (Ticket{index_} << kLoopShift) | asked.turn << kPlaceBits | place;
}

// Nobody's when it was answered before.
Loop::Impl::Asked Loop::Impl::take_asked(Ticket ticket) {
  const std::uint64_t place = ticket % kPlaces;
  if (place >= asked_.size() || asked_[place].turn != (ticket >> kPlaceBits) % kTurns) return {};
  const Asked out = asked_[place];
  if (out.client != 0) asked_free_.push_back(place);
  asked_[place].client = 0;
  return out;
}

Tag Loop::Impl::new_tag() {
  const std::uint64_t actor = random_();
  return {Timestamp::at_ms(services_.now_ms()), ActorId{actor == 0 ? 1 : actor}};
}

void Loop::Impl::start() {
  thread_ = std::thread([this] { run(); });
}

void Loop::Impl::stop() {
  stop_ = true;
  poller_.wake();
  if (thread_.joinable()) thread_.join();
}

void Loop::Impl::run() {
  while (!stop_) {
    const auto ready = sleep();
    now_ = Clock::now();
    for (const Poller::Ready& one : ready) look_at(one);
    take_in();
    take_replies();
    tell_all();
    if (refusing_ && !refused_) refuse_all();
    for (const auto& connection : std::exchange(again_, {})) {
      connection->pumping = false;
      pump(connection);
    }
    if (now_ >= sweep_at_) sweep();
    submit_all();
    reads_.forget();
  }
  while (!connections_.empty()) close(connections_.begin()->second);
}

// SUBTLE: first it is said that we sleep, then looked whether there is something to do: what comes behind that wakes us.
std::span<const Poller::Ready> Loop::Impl::sleep() {
  poller_.about_to_sleep();
  bool waits = !again_.empty() || stop_ || (refusing_ && !refused_);
  {
    const std::scoped_lock lock(mutex_);
    waits = waits || !adopted_.empty() || !inbox_.empty() || !written_.empty() || !news_.empty() || news_lost_;
  }
  if (waits) return poller_.wait(0);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(sweep_at_ - Clock::now());
  return poller_.wait(static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000)));
}

void Loop::Impl::look_at(const Poller::Ready& ready) {
  const auto found = connections_.find(ready.id);
  if (found == connections_.end()) return;  // Closed in this turn.
  const auto connection = found->second;
  if (ready.writable) connection->writing = false;
  if (connection->reading && (ready.readable || ready.gone)) return read(connection);
  if (ready.gone) return close(connection);
  if (ready.writable) return pump(connection);
  connection->armed_to_read = false;  // It brings what is not wanted now.
  connection->armed_to_write = connection->writing;
  poller_.want(connection->socket, ready.id, false, connection->writing);
}

// SUBTLE: that nothing is to be read is told to the poller only once something comes: mostly it is wanted again before.
void Loop::Impl::watch(const std::shared_ptr<Connection>& connection, bool reading) {
  connection->reading = reading;
  const bool arm_to_read = reading || connection->armed_to_read;
  if (arm_to_read == connection->armed_to_read && connection->writing == connection->armed_to_write) return;
  connection->armed_to_read = arm_to_read;
  connection->armed_to_write = connection->writing;
  poller_.want(connection->socket, connection->session.client().id, arm_to_read, connection->writing);
}

void Loop::Impl::submit_all() {
  if (submissions_.empty()) return;
  std::vector<Submission> now;
  now.swap(submissions_);
  submissions_.reserve(now.size());
  services_.submit(std::move(now));
}

void Loop::Impl::adopt(int socket, ClientState client) {
  auto connection = std::make_shared<Connection>(*this, socket, std::move(client));
  {
    const std::scoped_lock lock(mutex_);
    adopted_.push_back(std::move(connection));
  }
  poller_.wake();
}

void Loop::Impl::take_in() {
  std::vector<std::shared_ptr<Connection>> adopted;
  {
    const std::scoped_lock lock(mutex_);
    adopted.swap(adopted_);
  }
  for (const auto& connection : adopted) begin(connection);
}

void Loop::Impl::begin(const std::shared_ptr<Connection>& connection) {
  connections_[connection->session.client().id] = connection;
  const int on = 1;
  (void)::fcntl(connection->socket, F_SETFL, O_NONBLOCK);
  (void)::setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)::setsockopt(connection->socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (refusing_) return close(connection);
  if (!poller_.add(connection->socket, connection->session.client().id)) return close(connection);
  pump(connection);
}

void Loop::Impl::reply(Ticket ticket, ClientReply reply) {
  {
    const std::scoped_lock lock(mutex_);
    inbox_.emplace_back(ticket, std::move(reply));
  }
  poller_.wake();
}

void Loop::Impl::reply(std::vector<Reply> replies) {
  {
    const std::scoped_lock lock(mutex_);
    if (written_.empty()) {
      written_ = std::move(replies);
    } else {
      std::move(replies.begin(), replies.end(), std::back_inserter(written_));
    }
  }
  poller_.wake();
}

void Loop::Impl::take_replies() {
  std::vector<std::pair<Ticket, ClientReply>> replies;
  std::vector<Reply> written;
  {
    const std::scoped_lock lock(mutex_);
    replies.swap(inbox_);
    written.swap(written_);
  }
  const auto give = [&](Ticket ticket, const ClientReply& reply) {
    const Asked asked = take_asked(ticket);
    const auto found = connections_.find(asked.client);
    if (found == connections_.end()) return;
    Connection& connection = *found->second;
    connection.session.answered(asked.slot, reply);
    if (connection.pumping) return;
    connection.pumping = true;
    touched_.push_back(found->second);
  };
  for (const auto& [ticket, reply] : replies) give(ticket, reply);
  for (Reply& reply : written) {
    const Ticket ticket = reply.request;
    give(ticket, reply_of(std::move(reply)));
  }
  for (const auto& connection : touched_) {
    connection->pumping = false;
    pump(connection);
  }
  touched_.clear();
}

void Loop::Impl::tell(std::shared_ptr<const std::vector<Message>> messages) {
  {
    const std::scoped_lock lock(mutex_);
    std::size_t bytes = 0;
    if (messages) {
      for (const Message& message : *messages) bytes += message.channel.size() + message.payload.size() + sizeof message;
    }
    if (!messages || news_bytes_ + bytes > kChangesWaitingBytesMax) {
      news_lost_ = true;
    } else {
      news_bytes_ += bytes;
      news_.push_back(std::move(messages));
    }
  }
  poller_.wake();
}

void Loop::Impl::tell_all() {
  std::vector<std::shared_ptr<const std::vector<Message>>> news;
  bool lost = false;
  {
    const std::scoped_lock lock(mutex_);
    news.swap(news_);
    news_bytes_ = 0;
    lost = std::exchange(news_lost_, false);
  }
  if (news.empty() && !lost) return;
  std::vector<std::shared_ptr<Connection>> all;
  for (const auto& [id, connection] : subscribers_) all.push_back(connection);
  for (const auto& connection : all) {
    for (const auto& messages : news) {
      if (connection->open) connection->session.tell(*messages);
      if (connection->open && connection->session.bytes_told() > kToldBytesMax) {
        // What the socket takes at once is not waiting.
        if (send(connection) && connection->session.bytes_told() > kToldBytesMax) {
          cut_off(connection, "it does not fetch what it subscribed to, and more waits for it than this node holds");
        }
      }
    }
    if (lost && connection->open) cut_off(connection, "some of what it subscribed to was lost here: there was more than this node could tell");
    pump(connection);
  }
}

void Loop::Impl::note_subscriptions(const std::shared_ptr<Connection>& connection) {
  const bool subscribed = connection->open && !connection->session.subscriptions().empty();
  if (subscribed == connection->subscribed) return;
  connection->subscribed = subscribed;
  if (subscribed) {
    subscribers_[connection->session.client().id] = connection;
    ++facts_.subscribers;
  } else {
    subscribers_.erase(connection->session.client().id);
    --facts_.subscribers;
  }
}

void Loop::Impl::refuse_new() {
  refusing_ = true;
  poller_.wake();
}

void Loop::Impl::refuse_all() {
  refused_ = true;
  std::vector<std::shared_ptr<Connection>> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) pump(connection);
}

// Everything that can be done for a client now: commands, their writes, answers that are ready.
void Loop::Impl::pump(const std::shared_ptr<Connection>& connection) {
  if (!connection->open) return;
  Session& session = connection->session;
  bool more = refusing_ ? false : session.work();
  // SUBTLE: before the answer leaves: whoever has it hears of all that is written from then on.
  note_subscriptions(connection);
  for (Submission& submission : session.submissions()) submissions_.push_back(std::move(submission));
  session.submissions().clear();
  if (!send(connection)) return;
  more = more || (!refusing_ && session.can_go_on());  // Nothing was fetched before, perhaps; now it was.
  account(*connection);
  if (session.output().size() == 0 && !session.waits()) {
    if (session.closing() || refusing_) return close(connection);
    if (connection->busy) {
      connection->busy = false;
      --busy_;
    }
  } else if (!connection->busy) {
    connection->busy = true;
    ++busy_;
  }
  if (more && !connection->pumping) {
    connection->pumping = true;
    again_.push_back(connection);
  }
  watch(connection, !more && !refusing_ && session.wants_input());
  hold_within_limits();
}

void Loop::Impl::read(const std::shared_ptr<Connection>& connection) {
  const ssize_t size = ::recv(connection->socket, scratch_.data(), scratch_.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return pump(connection);
  if (size <= 0) return close(connection);
  facts_.bytes_in += static_cast<std::size_t>(size);
  connection->progress = now_;
  connection->session.receive({scratch_.data(), static_cast<std::size_t>(size)});
  pump(connection);
}

bool Loop::Impl::send(const std::shared_ptr<Connection>& connection) {
  RespWriter& output = connection->session.output();
  while (!connection->writing && connection->sent < output.size()) {
    const ssize_t size = ::send(connection->socket, output.bytes().data() + connection->sent, output.size() - connection->sent, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      connection->writing = true;  // Where this ends, pump() has it watched.
      break;
    }
    if (size < 0) {
      close(connection);
      return false;
    }
    connection->sent += static_cast<std::size_t>(size);
    connection->progress = now_;
    facts_.bytes_out += static_cast<std::size_t>(size);
  }
  if (connection->sent >= kKeptOutputBytes && 2 * connection->sent >= output.size()) {  // It is fetched, but never all of it.
    output.bytes().erase(0, connection->sent);
    connection->sent = 0;
  }
  if (connection->sent == output.size()) {
    output.truncate(0);
    if (output.bytes().capacity() > kKeptOutputBytes) output.bytes().shrink_to_fit();
    connection->sent = 0;
  }
  return true;
}

void Loop::Impl::close(const std::shared_ptr<Connection>& the_connection) {
  const auto connection = the_connection;  // It may be the last that there is.
  if (!connection->open) return;
  connection->open = false;
  (void)::shutdown(connection->socket, SHUT_RDWR);
  ::close(std::exchange(connection->socket, -1));
  facts_.bytes_held -= connection->accounted;
  facts_.strangers_bytes_held -= connection->accounted_as_stranger;
  --facts_.connected;
  if (connection->busy) --busy_;
  note_subscriptions(connection);
  connections_.erase(connection->session.client().id);
}

void Loop::Impl::account(Connection& connection) {
  const std::size_t held = connection.session.bytes_held();
  const std::size_t as_stranger = connection.session.client().trusted ? 0 : held;
  if (held != connection.accounted) facts_.bytes_held += held - connection.accounted;  // Modulo 2^64, so it may fall.
  if (as_stranger != connection.accounted_as_stranger) facts_.strangers_bytes_held += as_stranger - connection.accounted_as_stranger;
  connection.accounted = held;
  connection.accounted_as_stranger = as_stranger;
}

void Loop::Impl::hold_within_limits() {
  const bool all = facts_.bytes_held.load() > kAllBytesMax;
  const bool strangers = facts_.strangers_bytes_held.load() > kStrangersBytesMax;
  if (!all && !strangers) return;
  // Each loop looks among its own: whoever is over the bound comes by here, and the next that comes by does the rest.
  std::shared_ptr<Connection> longest;
  for (const auto& [id, connection] : connections_) {
    const std::size_t counts = all ? connection->accounted : connection->accounted_as_stranger;
    if (counts > kStrangerArgumentBytesMax / 4 && (!longest || connection->progress < longest->progress)) longest = connection;
  }
  if (longest) cut_off(longest, all ? "all clients together hold more than this node allows, and it took and brought nothing for longest"
                                    : "those who have not said the password hold more than this node allows, and it was silent for longest");
}

void Loop::Impl::cut_off(const std::shared_ptr<Connection>& connection, const char* why) {
  ++facts_.cut_off;
  log(LogLevel::kWarning, "redis client " + connection->session.client().address + " is cut off: " + why);
  if (connection->sent == 0 && connection->session.output().size() == 0) {  // Else it would stand in the middle of an answer.
    connection->session.output().error(std::string("ERR this connection is closed: ") + why);
    if (!send(connection)) return;
  }
  close(connection);
}

void Loop::Impl::sweep() {
  sweep_at_ = now_ + kSweepEvery;
  std::vector<std::shared_ptr<Connection>> silent;
  const auto before = now_ - kStrangerMost;
  for (const auto& [id, connection] : connections_) {
    if (!connection->session.client().trusted && connection->began < before) silent.push_back(connection);
  }
  for (const auto& connection : silent) cut_off(connection, "it has not said the password within a minute");
}

// ---- The loop itself

Loop::Loop(std::size_t index, const Services& services, Cursors& cursors, PortFacts& facts)
    : impl_(std::make_unique<Impl>(index, services, cursors, facts)) {}
Loop::~Loop() = default;

void Loop::start() { impl_->start(); }
void Loop::stop() { impl_->stop(); }
void Loop::adopt(int socket, ClientState client) { impl_->adopt(socket, std::move(client)); }
void Loop::reply(Ticket ticket, ClientReply reply) { impl_->reply(ticket, std::move(reply)); }
void Loop::reply(std::vector<Reply> replies) { impl_->reply(std::move(replies)); }
void Loop::tell(std::shared_ptr<const std::vector<Message>> messages) { impl_->tell(std::move(messages)); }
void Loop::refuse_new() { impl_->refuse_new(); }
std::size_t Loop::busy() const { return impl_->busy(); }

std::size_t Loop::loop_of(Ticket ticket) {
  if ((ticket & kRedisTicket) == 0) return SIZE_MAX;
  return static_cast<std::size_t>((ticket & ~kRedisTicket) >> kLoopShift);
}

}  // namespace kith::redis
