#include "node/redis/loop.h"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <iterator>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>
#include <vector>

#include "node/log.h"
#include "node/redis/limits.h"
#include "node/requests.h"

namespace kith::redis {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kScratchBytes = 64 * 1024;
constexpr int kHandlersATurn = 512;
constexpr std::size_t kKeptOutputBytes = 64 * 1024;
// Who has not said the password by then is not going to.
constexpr std::chrono::seconds kStrangerMost{60};
constexpr std::chrono::seconds kSweepEvery{5};

constexpr Ticket kRedisTicket = Ticket{1} << 63;
constexpr int kLoopShift = 48;

}  // namespace

struct Loop::Impl final : Session::Host {
 public:
  Impl(std::size_t index, const Services& services, Cursors& cursors, PortFacts& facts);
  ~Impl() override { stop(); }

  void start();
  void stop();
  void adopt(int socket, bool ipv6, ClientState client);
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
    std::uint64_t client = 0;
    std::uint64_t slot = 0;
  };

  void run();
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
  void hold_within_limits();
  void cut_off(const std::shared_ptr<Connection>& connection, const char* why);
  void sweep();

  const std::size_t index_;
  const Services& services_;
  Cursors& cursors_;
  PortFacts& facts_;
  Reads reads_;
  asio::io_context io_;
  asio::steady_timer sweeping_;
  std::thread thread_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> refusing_{false};
  std::atomic<std::size_t> busy_{0};

  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> subscribers_;  // Of those.
  std::unordered_map<Ticket, Asked> asked_;
  Ticket last_ticket_ = 0;
  std::vector<Submission> submissions_;
  std::vector<char> scratch_;
  std::mt19937_64 random_;

  std::mutex mutex_;
  std::vector<std::pair<Ticket, ClientReply>> inbox_;  // Guarded by mutex_, as all below.
  std::vector<Reply> written_;
  std::vector<std::shared_ptr<const std::vector<Message>>> news_;
  std::size_t news_bytes_ = 0;
  bool news_lost_ = false;
};

struct Loop::Impl::Connection {
  Connection(Impl& loop, asio::ip::tcp::socket the_socket, ClientState client)
      : socket(std::move(the_socket)), session(loop, std::move(client)), progress(Clock::now()) {}

  asio::ip::tcp::socket socket;
  Session session;
  std::size_t sent = 0;         // Of the session's output.
  bool reading = false;         // Waits to be readable.
  bool writing = false;
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
    : index_(index), services_(services), cursors_(cursors), facts_(facts), reads_(services), io_(1), sweeping_(io_),
      scratch_(kScratchBytes), random_(std::random_device{}()) {}

Ticket Loop::Impl::new_ticket(std::uint64_t client, std::uint64_t slot) {
  const Ticket ticket = kRedisTicket | (Ticket{index_} << kLoopShift) | ++last_ticket_;
  asked_[ticket] = {client, slot};
  return ticket;
}

Tag Loop::Impl::new_tag() {
  const std::uint64_t actor = random_();
  return {Timestamp::at_ms(services_.now_ms()), ActorId{actor == 0 ? 1 : actor}};
}

void Loop::Impl::start() {
  sweep();
  thread_ = std::thread([this] { run(); });
}

void Loop::Impl::stop() {
  stop_ = true;
  asio::post(io_, [] {});
  if (thread_.joinable()) thread_.join();
}

void Loop::Impl::run() {
  const auto guard = asio::make_work_guard(io_);
  while (!stop_) {
    (void)io_.run_one();  // Sleeps here, and nowhere else.
    for (int i = 0; i < kHandlersATurn && io_.poll_one() > 0; ++i) {
    }
    submit_all();
    reads_.forget();
  }
  while (!connections_.empty()) close(connections_.begin()->second);
}

void Loop::Impl::submit_all() {
  if (submissions_.empty()) return;
  std::vector<Submission> now;
  now.swap(submissions_);
  services_.submit(std::move(now));
}

void Loop::Impl::adopt(int native, bool ipv6, ClientState client) {
  asio::ip::tcp::socket socket(io_, ipv6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), native);
  auto connection = std::make_shared<Connection>(*this, std::move(socket), std::move(client));
  asio::post(io_, [this, connection] { begin(connection); });
}

void Loop::Impl::begin(const std::shared_ptr<Connection>& connection) {
  connections_[connection->session.client().id] = connection;
  std::error_code ignored;
  connection->socket.non_blocking(true, ignored);
  connection->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  connection->socket.set_option(asio::socket_base::keep_alive(true), ignored);
  if (refusing_) return close(connection);
  pump(connection);
}

void Loop::Impl::reply(Ticket ticket, ClientReply reply) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    first = inbox_.empty() && written_.empty();
    inbox_.emplace_back(ticket, std::move(reply));
  }
  if (first) asio::post(io_, [this] { take_replies(); });
}

void Loop::Impl::reply(std::vector<Reply> replies) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    first = inbox_.empty() && written_.empty();
    if (written_.empty()) {
      written_ = std::move(replies);
    } else {
      std::move(replies.begin(), replies.end(), std::back_inserter(written_));
    }
  }
  if (first) asio::post(io_, [this] { take_replies(); });
}

void Loop::Impl::take_replies() {
  std::vector<std::pair<Ticket, ClientReply>> replies;
  std::vector<Reply> written;
  {
    const std::scoped_lock lock(mutex_);
    replies.swap(inbox_);
    written.swap(written_);
  }
  std::vector<std::shared_ptr<Connection>> touched;
  const auto give = [&](Ticket ticket, ClientReply reply) {
    const auto asked = asked_.find(ticket);
    if (asked == asked_.end()) return;
    const auto found = connections_.find(asked->second.client);
    if (found != connections_.end()) {
      found->second->session.answered(asked->second.slot, std::move(reply));
      if (!found->second->pumping) {
        found->second->pumping = true;
        touched.push_back(found->second);
      }
    }
    asked_.erase(asked);
  };
  for (auto& [ticket, reply] : replies) give(ticket, std::move(reply));
  for (Reply& reply : written) {
    const Ticket ticket = reply.request;
    give(ticket, reply_of(std::move(reply)));
  }
  for (const auto& connection : touched) {
    connection->pumping = false;
    pump(connection);
  }
}

void Loop::Impl::tell(std::shared_ptr<const std::vector<Message>> messages) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    first = news_.empty() && !news_lost_;
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
  if (first) asio::post(io_, [this] { tell_all(); });
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
  asio::post(io_, [this] {
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [id, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) pump(connection);
  });
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
    asio::post(io_, [this, connection] {
      connection->pumping = false;
      pump(connection);
    });
  } else if (!more && !refusing_ && !connection->reading && session.wants_input()) {
    connection->reading = true;
    connection->socket.async_wait(asio::socket_base::wait_read, [this, connection](const std::error_code& error) {
      connection->reading = false;
      if (!error && connection->open) read(connection);
    });
  }
  hold_within_limits();
}

void Loop::Impl::read(const std::shared_ptr<Connection>& connection) {
  std::error_code error;
  const std::size_t size = connection->socket.read_some(asio::buffer(scratch_), error);
  if (error == asio::error::would_block || error == asio::error::try_again || error == asio::error::interrupted) return pump(connection);
  if (error) return close(connection);
  facts_.bytes_in += size;
  connection->progress = Clock::now();
  connection->session.receive({scratch_.data(), size});
  pump(connection);
}

bool Loop::Impl::send(const std::shared_ptr<Connection>& connection) {
  RespWriter& output = connection->session.output();
  while (!connection->writing && connection->sent < output.size()) {
    std::error_code error;
    const std::size_t size = connection->socket.write_some(
        asio::buffer(output.bytes().data() + connection->sent, output.size() - connection->sent), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      connection->writing = true;
      connection->socket.async_wait(asio::socket_base::wait_write, [this, connection](const std::error_code& failed) {
        connection->writing = false;
        if (!failed && connection->open) pump(connection);
      });
      break;
    }
    if (error == asio::error::interrupted) continue;
    if (error) {
      close(connection);
      return false;
    }
    connection->sent += size;
    connection->progress = Clock::now();
    facts_.bytes_out += size;
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

void Loop::Impl::close(const std::shared_ptr<Connection>& connection) {
  if (!connection->open) return;
  connection->open = false;
  std::error_code ignored;
  connection->socket.shutdown(asio::socket_base::shutdown_both, ignored);
  connection->socket.close(ignored);
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
  facts_.bytes_held += held - connection.accounted;  // Modulo 2^64, so it may fall.
  facts_.strangers_bytes_held += as_stranger - connection.accounted_as_stranger;
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
  sweeping_.expires_after(kSweepEvery);
  sweeping_.async_wait([this](const std::error_code& error) {
    if (error) return;
    std::vector<std::shared_ptr<Connection>> silent;
    const auto before = Clock::now() - kStrangerMost;
    for (const auto& [id, connection] : connections_) {
      if (!connection->session.client().trusted && connection->began < before) silent.push_back(connection);
    }
    for (const auto& connection : silent) cut_off(connection, "it has not said the password within a minute");
    sweep();
  });
}

// ---- The loop itself

Loop::Loop(std::size_t index, const Services& services, Cursors& cursors, PortFacts& facts)
    : impl_(std::make_unique<Impl>(index, services, cursors, facts)) {}
Loop::~Loop() = default;

void Loop::start() { impl_->start(); }
void Loop::stop() { impl_->stop(); }
void Loop::adopt(int socket, bool ipv6, ClientState client) { impl_->adopt(socket, ipv6, std::move(client)); }
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
