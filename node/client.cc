#include "node/client.h"

#include <poll.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "node/address.h"
#include "node/connection.h"
#include "node/session_clock.h"

namespace kith {

namespace {

using SteadyClock = std::chrono::steady_clock;
using Moment = SteadyClock::time_point;
using Duration = Client::Duration;

constexpr Duration kHelloAgain{500};
constexpr Duration kBusyPause{20};
// Between rounds through all nodes of which none answered.
constexpr Duration kPauseLeast{50};
constexpr Duration kPauseMost{500};

std::int64_t ms_of(Moment moment) { return std::chrono::duration_cast<Duration>(moment.time_since_epoch()).count(); }

std::uint64_t draw() {
  std::random_device device;
  std::uint64_t value = 0;
  while (value == 0) value = (std::uint64_t{device()} << 32) | device();
  return value;
}

// The node can not do it, and another one may; nothing changed.
bool another_may(const std::string& code) {
  static const std::set<std::string, std::less<>> kCodes = {"stopping",  "not_joined", "rebasing", "evicted", "superseded",
                                                            "clock_fenced", "full",    "damaged",  "store",   "leaving", "observer"};
  return kCodes.contains(code);
}

// A read that says no level may have one by its table.
bool waits_for_a_level(const Request& request) { return is_write(request.op) || request.replicas != 1; }

// The same, and that passes by itself.
bool passes(const std::string& code) { return code == "stopping" || code == "not_joined"; }

// A name may have many addresses, and only one of them a node that answers.
std::vector<std::string> resolved(const std::vector<std::string>& addresses) {
  std::vector<std::string> out;
  for (const std::string& text : addresses) {
    const auto address = parse_address(text);
    const auto found = address ? resolve_all(*address) : std::vector<Address>{};
    if (found.size() < 2) {
      out.push_back(text);  // Its own trouble is told best by who connects to it.
    } else {
      for (const Address& one : found) out.push_back(to_string(one));
    }
  }
  return out;
}

}  // namespace

struct Client::Impl {
  struct Asked {
    Request request;
    Moment sent_at{};
    std::set<std::string> refused_at;      // By these nodes.
    bool sent = false;                     // To some node, so it may have happened.
  };

  Impl(ClientOptions the_options, bool stays)
      : options(std::move(the_options)), stay(stays), instances(stays ? options.addresses : resolved(options.addresses), options.route),
        clock(options.session.actor ? options.session.actor : ActorId{draw()}, options.session.newest),
        address(options.addresses.empty() ? "" : options.addresses.front()) {}

  // ---- Moving

  // Tries all nodes that are known, once each.
  bool try_all(Moment deadline) {
    for (const std::string& where : instances.in_order(now_ms(), draw())) {
      if (try_at(where, deadline)) return true;
      if (SteadyClock::now() >= deadline) break;
    }
    return false;
  }

  bool find_node(Moment deadline) {
    deadline = std::min(deadline, SteadyClock::now() + options.patience);
    for (Duration pause = kPauseLeast;; pause = std::min(2 * pause, kPauseMost)) {
      if (try_all(deadline)) return true;
      const auto now = SteadyClock::now();
      if (now >= deadline) return false;
      std::this_thread::sleep_until(std::min(deadline, now + pause));
    }
  }

  bool try_at(const std::string& where, Moment deadline) {
    std::string why;
    auto candidate = say_hello(where, std::min(deadline, SteadyClock::now() + options.attempt_timeout), why);
    // Whoever it is tells who leads.
    if (const std::string leader = instances.leader_address(now_ms()); candidate && !instances.may_stay(hello.node, now_ms()) && leader != where) {
      return SteadyClock::now() < deadline && leads_at(leader, deadline);
    }
    if (!candidate) {
      if (!why.empty()) instances.failed(where, why, now_ms());
      return false;
    }
    settle(std::move(candidate));
    return true;
  }

  bool leads_at(const std::string& where, Moment deadline) {
    std::string why;
    auto candidate = say_hello(where, std::min(deadline, SteadyClock::now() + options.attempt_timeout), why);
    if (!candidate && !why.empty()) instances.failed(where, why, now_ms());
    if (!candidate || !instances.may_stay(hello.node, now_ms())) return false;
    settle(std::move(candidate));
    return true;
  }

  void settle(std::unique_ptr<Connection> found) {
    connection = std::move(found);
    address = connection->address();
    instances.answered(address);
    instances.answered_node(hello.node);
    ++moves;
    ping_id = 0;
    busy.clear();
    for (auto& [id, asked] : pending) say(asked);
  }

  // Nothing, and why, when it is no node for us; without a reason there was no time to find out.
  std::unique_ptr<Connection> say_hello(const std::string& where, Moment deadline, std::string& why) {
    const auto began = SteadyClock::now();
    try {
      auto out = std::make_unique<Connection>(where);
      do {
        // Said again from time to time: a hello that reached a node just before it went down is lost.
        Request request;
        request.op = ClientOp::kHello;
        request.id = ++last_id;
        request.roster = 0;
        out->send(request);
        const auto again = std::min(deadline, SteadyClock::now() + kHelloAgain);
        do {
          if (auto reply = out->receive()) {  // To one of these: nothing else was said over this connection.
            why = speaks_against(where, *reply);
            if (!why.empty()) return nullptr;
            heard(*reply);
            hello = std::move(*reply);
            return out;
          }
          if (!stay && (out->refused() || out->broke())) {
            why = !out->refused() ? "it hung up" : out->unknown_host() ? "the name of the host stands for no address" : "nobody listens there";
            return nullptr;
          }
          out->wait(again);
        } while (SteadyClock::now() < again);
      } while (SteadyClock::now() < deadline);
      const auto waited = std::chrono::duration_cast<Duration>(SteadyClock::now() - began);
      // SUBTLE: who was given less time than an attempt takes may be there all the same.
      if (stay || waited >= options.attempt_timeout) why = out->explain(waited);
    } catch (const ClientError& error) {
      why = error.what();
    }
    return nullptr;
  }

  std::string speaks_against(const std::string& where, const ClientReply& reply) const {
    if (reply.status != Status::kOk) return where + " does not take us: " + reply.message;
    if (stay) return "";
    if (!reply.roster) return "it does not belong to a cluster yet";
    const ClusterId ours = instances.told().cluster;
    if (ours && reply.roster->cluster != ours) {
      return "it belongs to another cluster, " + reply.roster->name + " (" + to_hex(reply.roster->cluster.value) + ")";
    }
    return "";
  }

  // The node is not there any more, or not for us.
  void lose(const std::string& why) {
    instances.failed(address, why, now_ms());
    instances.failed_node(hello.node, now_ms());
    connection.reset();
  }

  // ---- Talking

  std::uint64_t ask(Request request) {
    const std::uint64_t id = request.id = ++last_id;
    if (!stay) {
      if (is_write(request.op) && !request.tag) request.tag = clock.mint(now_ms());
      request.roster = instances.told().cluster ? instances.told().version() : 0;
    }
    Asked asked;
    asked.request = std::move(request);
    if (connection) say(asked);
    pending.emplace(id, std::move(asked));
    return id;
  }

  void say(Asked& asked) {
    connection->send(asked.request);
    asked.sent_at = SteadyClock::now();
    asked.sent = true;
  }

  // The next answer to something that was asked; nothing when none came until `deadline`.
  std::optional<ClientReply> next_reply(Moment deadline) {
    for (;;) {
      if (!connection && !find_node(deadline)) return std::nullopt;
      if (auto frame = receive()) {
        if (auto reply = take(std::move(*frame))) return reply;
        continue;
      }
      if (!connection) continue;
      const auto now = SteadyClock::now();
      if (now >= deadline) return std::nullopt;
      const auto look_at = stay ? deadline : tend(now);
      if (connection) connection->wait(std::min(deadline, look_at));
    }
  }

  std::optional<ClientReply> receive() {
    if (stay) return connection->receive();
    try {
      return connection->receive();
    } catch (const ClientError& error) {
      lose(error.what());
      return std::nullopt;
    }
  }

  void heard(const ClientReply& reply) {
    clock.learn(reply.time, now_ms());
    heard_at = SteadyClock::now();
    if (reply.roster) instances.learn(*reply.roster);
  }

  // Nothing when it is none that anybody waits for, or not the last word.
  std::optional<ClientReply> take(ClientReply reply) {
    heard(reply);
    if (reply.id == ping_id) {
      ping_id = 0;
      if (another_may(reply.code)) lose(reply.message);
    }
    const auto found = pending.find(reply.id);
    if (found == pending.end()) {
      leave_unless_leader();
      return std::nullopt;
    }
    Asked& asked = found->second;
    if (!stay && reply.code == "busy") {
      busy.emplace_back(SteadyClock::now() + kBusyPause, reply.id);
      return std::nullopt;
    }
    if (!stay && another_may(reply.code)) {
      asked.refused_at.insert(hello.node);
      if (passes(reply.code) || asked.refused_at.size() < std::max<std::size_t>(living(), 1)) {
        lose(reply.message);
        return std::nullopt;
      }
    }
    pending.erase(found);
    leave_unless_leader();
    return reply;
  }

  std::size_t living() const {
    const Roster roster = instances.roster(now_ms());
    return static_cast<std::size_t>(std::count_if(roster.members.begin(), roster.members.end(), [](const auto& member) { return member.living; }));
  }

  void leave_unless_leader() {
    if (!stay && connection && !instances.may_stay(hello.node, now_ms())) connection.reset();
  }

  // Everything that has to be done though nothing came in.  Returns when to be called again.
  Moment tend(Moment now) {
    if (connection->broke()) {
      lose("it hung up");
      return now;
    }
    Moment next = std::max(heard_at, pinged_at) + options.heartbeat;
    if (ping_id == 0 && now >= next) ping(now);
    if (ping_id != 0) {
      next = pinged_at + options.silent;
      if (now >= next) {
        lose("it kept silent for " + in_seconds(options.silent));
        return now;
      }
    }
    for (; !busy.empty() && busy.front().first <= now; busy.pop_front()) {
      if (const auto found = pending.find(busy.front().second); found != pending.end()) say(found->second);
    }
    if (!busy.empty()) next = std::min(next, busy.front().first);
    if (!pending.empty()) {  // The first was said no later than the others.
      const Asked& first = pending.begin()->second;
      const Moment stuck_at = first.sent_at + options.stuck + Duration(waits_for_a_level(first.request) ? first.request.timeout_ms : 0);
      if (now >= stuck_at) {
        lose("it did not answer for " + in_seconds(std::chrono::duration_cast<Duration>(now - first.sent_at)));
        return now;
      }
      next = std::min(next, stuck_at);
    }
    return next;
  }

  void ping(Moment now) {
    Request request;
    request.op = ClientOp::kPing;
    request.id = ping_id = ++last_id;
    request.roster = instances.told().cluster ? instances.told().version() : 0;
    pinged_at = now;
    connection->send(request);
  }

  std::int64_t now_ms() const { return ms_of(SteadyClock::now()); }

  ClientOptions options;
  const bool stay;
  Instances instances;
  SessionClock clock;
  std::string address;
  std::unique_ptr<Connection> connection;
  ClientReply hello;
  std::uint64_t moves = 0;
  std::uint64_t last_id = 0;
  std::map<std::uint64_t, Asked> pending;       // In the order in which they were asked.
  std::deque<ClientReply> early;                // Answers to send() that came while call() waited for its own.
  std::deque<std::pair<Moment, std::uint64_t>> busy;  // To be said again, and when: the node had too much to do.
  std::uint64_t ping_id = 0;                    // That is not answered yet; 0: none.
  Moment pinged_at{};
  Moment heard_at{};
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

const std::string& Client::address() const { return impl_->address; }
const ClientReply& Client::hello() const { return impl_->hello; }
bool Client::connected() const { return impl_->connection != nullptr; }
std::uint64_t Client::moves() const { return impl_->moves; }
Roster Client::roster() const { return impl_->instances.roster(impl_->now_ms()); }
std::string Client::failures() const { return impl_->instances.failures(); }
Tag Client::mint_tag() { return impl_->clock.mint(impl_->now_ms()); }
Session Client::session() const { return {impl_->clock.actor(), impl_->clock.newest()}; }
std::size_t Client::in_flight() const { return impl_->pending.size() + impl_->early.size(); }

Client Client::open(ClientOptions options) {
  const auto timeout = options.connect_timeout;
  const std::size_t given = options.addresses.size();
  auto impl = std::make_unique<Impl>(std::move(options), false);
  if (impl->find_node(SteadyClock::now() + timeout)) return Client(std::move(impl));
  throw ClientError(ClientError::Kind::kConnect, given == 0 ? "no address of a node was given: give HOST:PORT"
                                                            : "no node answers: " + impl->instances.failures());
}

Client Client::connect(const std::string& address, Duration timeout, const Session& session) {
  ClientOptions options;
  options.addresses = {address};
  options.attempt_timeout = timeout;
  options.session = session;
  auto impl = std::make_unique<Impl>(std::move(options), true);
  std::string why;
  impl->connection = impl->say_hello(address, SteadyClock::now() + timeout, why);
  if (!impl->connection) throw ClientError(ClientError::Kind::kConnect, why);
  impl->moves = 1;
  return Client(std::move(impl));
}

ClientReply Client::call(Request request, Duration timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  const ClientOp op = request.op;
  const std::uint64_t id = impl_->ask(std::move(request));
  while (auto reply = impl_->next_reply(deadline)) {
    if (reply->id == id) return std::move(*reply);
    impl_->early.push_back(std::move(*reply));
  }
  const bool sent = impl_->pending.at(id).sent;
  impl_->pending.erase(id);
  const std::string done = is_write(op) ? ": the write may or may not have happened; retry it with the same tag" : ": try again";
  if (!impl_->connection) {
    throw ClientError(sent ? ClientError::Kind::kTimeout : ClientError::Kind::kConnect,
                      "no node answers: " + impl_->instances.failures() + (sent ? done : ""));
  }
  throw ClientError(ClientError::Kind::kTimeout,
                    impl_->address + " did not answer \"" + std::string(to_string(op)) + "\" within " + in_seconds(timeout) + done);
}

std::uint64_t Client::send(Request request) {
  return impl_->ask(std::move(request));
}

std::optional<ClientReply> Client::receive(Duration timeout) {
  if (!impl_->early.empty()) {
    ClientReply reply = std::move(impl_->early.front());
    impl_->early.pop_front();
    return reply;
  }
  return impl_->next_reply(SteadyClock::now() + timeout);
}

bool Client::wait_for(int fd, Duration most) {
  const auto deadline = SteadyClock::now() + most;
  const std::uint64_t moves = impl_->moves;
  const std::uint64_t version = impl_->instances.told().version();
  const auto readable = [&](Duration wait) {
    pollfd watched{fd, POLLIN, 0};
    return ::poll(&watched, 1, static_cast<int>(wait.count())) == 1;
  };
  do {
    if (!impl_->connection) {
      // Those who type are looked at between any two nodes that are tried.
      if (readable(Duration(0))) return true;
      if (impl_->try_all(SteadyClock::now() + impl_->options.attempt_timeout)) return false;
      if (readable(std::clamp(std::chrono::ceil<Duration>(deadline - SteadyClock::now()), Duration(0), kPauseMost))) return true;
      continue;
    }
    while (impl_->connection) {
      auto frame = impl_->receive();
      if (!frame) break;
      if (auto reply = impl_->take(std::move(*frame))) impl_->early.push_back(std::move(*reply));
    }
    if (impl_->connection) {
      const auto look_at = impl_->stay ? deadline : impl_->tend(SteadyClock::now());
      if (impl_->connection && impl_->instances.told().version() == version) impl_->connection->wait(std::min(deadline, look_at), fd);
    }
    if (readable(Duration(0))) return true;
    if (!impl_->connection || impl_->moves != moves || impl_->instances.told().version() != version) return false;
  } while (SteadyClock::now() < deadline);
  return false;
}

}  // namespace kith
