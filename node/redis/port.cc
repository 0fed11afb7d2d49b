#include "node/redis/port.h"

#include <sys/resource.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <random>
#include <thread>

#include "node/address.h"
#include "node/listen.h"
#include "node/log.h"
#include "node/redis/change_watch.h"
#include "node/redis/loop.h"

namespace kith::redis {

namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds kAcceptAgain{100};
// Files that are not clients: the store, sockets of ZeroMQ, logs.
constexpr std::size_t kOtherFiles = 128;

std::string run_id() {
  std::random_device device;
  std::string out;
  for (int i = 0; i < 3; ++i) out += to_hex((std::uint64_t{device()} << 32) | device());
  return out.substr(0, 40);
}

std::string text_of(const tcp::endpoint& endpoint) {
  return to_string(Address{endpoint.address().to_string(), endpoint.port()});
}

// As many clients as there may be files; the soft limit is raised to the hard one if need be.
std::size_t clients_within_files(std::size_t wanted) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  const rlim_t needed = wanted + kOtherFiles;
  if (files.rlim_cur < needed && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = std::min<rlim_t>(needed, files.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &files) != 0 && ::getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  }
  if (files.rlim_cur >= needed) return wanted;
  const std::size_t possible = files.rlim_cur > kOtherFiles ? static_cast<std::size_t>(files.rlim_cur) - kOtherFiles : 1;
  log(LogLevel::kWarning, "this process may open " + std::to_string(files.rlim_cur) + " files, so the Redis port takes " +
                              std::to_string(possible) + " clients and not " + std::to_string(wanted) + ": raise the limit (ulimit -n)");
  return possible;
}

}  // namespace

struct Port::Impl {
  Impl(const Options& options, Services the_services)
      : services(std::move(the_services)), cursors(std::random_device{}()) {
    facts.run_id = run_id();
    facts.started_ms = services.now_ms();
    facts.clients_max = clients_within_files(options.clients_max);
    facts.threads = options.threads;
    for (std::size_t i = 0; i < options.threads; ++i) loops.push_back(std::make_unique<Loop>(i, services, cursors, facts));
    listen(options.address);
  }

  void listen(const std::string& where) {
    const auto wanted = parse_address(where);
    const auto numeric = wanted ? resolve(*wanted) : std::nullopt;
    if (!numeric) throw ListenError("cannot listen for Redis clients on " + where + ": there is no such address");
    std::error_code error;
    const tcp::endpoint endpoint(asio::ip::make_address(numeric->host == "*" ? "0.0.0.0" : numeric->host, error), numeric->port);
    const auto failed = [&] {
      if (!error) return;
      throw ListenError("cannot listen for Redis clients on " + where + ": " + error.message() +
                        (error == asio::error::address_in_use ? "; another process has that port: choose another one, or port 0" : ""));
    };
    failed();
    acceptor.open(endpoint.protocol(), error);
    failed();
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    failed();
    acceptor.bind(endpoint, error);
    failed();
    acceptor.listen(asio::socket_base::max_listen_connections, error);
    failed();
    facts.address = to_string(Address{wanted->host, acceptor.local_endpoint().port()});
  }

  void accept() {
    Loop& loop = *loops[next_loop++ % loops.size()];
    acceptor.async_accept([this, &loop](const std::error_code& error, tcp::socket socket) {
      if (!acceptor.is_open()) return;
      if (!error) {
        take_in(loop, std::move(socket));
        return accept();
      }
      // No file left, most likely: others have to go first.
      again.expires_after(kAcceptAgain);
      again.async_wait([this](const std::error_code& stopped) {
        if (!stopped && acceptor.is_open()) accept();
      });
    });
  }

  void take_in(Loop& loop, tcp::socket socket) {
    ++facts.connections;
    std::error_code error;
    const tcp::endpoint from = socket.remote_endpoint(error);
    const tcp::endpoint to = socket.local_endpoint(error);
    if (facts.connected.load() >= facts.clients_max) {
      ++facts.refused_connections;
      static constexpr std::string_view kFull = "-ERR max number of clients reached\r\n";
      socket.non_blocking(true, error);
      (void)socket.write_some(asio::buffer(kFull), error);
      return;
    }
    ++facts.connected;
    ClientState client;
    client.id = ++last_client;
    client.address = text_of(from);
    client.local_address = text_of(to);
    client.trusted = services.password.empty();
    client.connected_ms = services.now_ms();
    loop.adopt(socket.release(error), std::move(client));
  }

  void close_acceptor() {
    asio::post(io, [this] {
      std::error_code ignored;
      acceptor.close(ignored);
      again.cancel();
    });
  }

  const Services services;
  Cursors cursors;
  PortFacts facts;
  std::vector<std::unique_ptr<Loop>> loops;
  ChangeWatch watch{services, facts, [this](const std::shared_ptr<const std::vector<Message>>& messages) {
                      for (const auto& loop : loops) loop->tell(messages);
                    }};
  asio::io_context io{1};  // Of the thread that takes clients in, and all below.
  tcp::acceptor acceptor{io};
  asio::steady_timer again{io};
  std::thread accepting;
  std::size_t next_loop = 0;
  std::uint64_t last_client = 0;
};

Port::Port(const Options& options, Services services) : impl_(std::make_unique<Impl>(options, std::move(services))) {}
Port::~Port() { stop(); }

const std::string& Port::address() const { return impl_->facts.address; }
const PortFacts& Port::facts() const { return impl_->facts; }

void Port::start() {
  for (const auto& loop : impl_->loops) loop->start();
  impl_->accept();
  impl_->accepting = std::thread([this] { impl_->io.run(); });  // Until the acceptor is closed.
}

bool Port::gave(Ticket ticket) { return Loop::loop_of(ticket) != SIZE_MAX; }

void Port::reply(Ticket ticket, ClientReply reply) { impl_->loops[Loop::loop_of(ticket)]->reply(ticket, std::move(reply)); }

void Port::reply(std::vector<Reply> replies) {
  std::vector<std::vector<Reply>> by_loop(impl_->loops.size());
  for (Reply& reply : replies) by_loop[Loop::loop_of(reply.request)].push_back(std::move(reply));
  for (std::size_t i = 0; i < by_loop.size(); ++i) {
    if (!by_loop[i].empty()) impl_->loops[i]->reply(std::move(by_loop[i]));
  }
}

CommitWatch& Port::watch() { return impl_->watch; }

void Port::refuse_new() {
  impl_->close_acceptor();
  for (const auto& loop : impl_->loops) loop->refuse_new();
}

bool Port::drain(std::chrono::milliseconds most) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  const auto busy = [&] {
    return std::any_of(impl_->loops.begin(), impl_->loops.end(), [](const auto& loop) { return loop->busy() != 0; });
  };
  while (busy()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

void Port::stop() {
  impl_->close_acceptor();
  if (impl_->accepting.joinable()) impl_->accepting.join();
  for (const auto& loop : impl_->loops) loop->stop();
}

}  // namespace kith::redis
