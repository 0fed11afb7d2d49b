#include "tools/kith/top_command.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ostream>

#include "tools/kith/ask.h"
#include "tools/kith/top_screen.h"

namespace kith::tools {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kInterval{1000};
constexpr std::int64_t kMemberTimeoutMs = 1000;
// How often the keyboard and the size of the terminal are looked at.
constexpr int kLookMs = 100;
constexpr TopSize kNoTerminal{100, 1000};

volatile sig_atomic_t told_to_end = 0;

// The alternate screen, and keys as they are pressed; as before when it is destroyed.
class Terminal {
 public:
  explicit Terminal(std::ostream& out) : out_(out) {
    struct sigaction action {};
    action.sa_handler = [](int) { told_to_end = 1; };
    for (const int number : {SIGTERM, SIGHUP, SIGINT}) ::sigaction(number, &action, nullptr);
    keys_ = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (keys_) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    out_ << "\x1b[?1049h\x1b[?25l" << std::flush;
  }
  ~Terminal() {
    out_ << "\x1b[?25h\x1b[?1049l" << std::flush;
    if (keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  static TopSize size() {
    winsize out{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &out) != 0 || out.ws_col == 0 || out.ws_row == 0) return {};
    return {out.ws_col, out.ws_row};
  }

  // The next key within `timeout_ms`; 0: none.
  char key(int timeout_ms) const {
    pollfd item{STDIN_FILENO, POLLIN, 0};
    if (!keys_) {
      (void)::poll(nullptr, 0, timeout_ms);
      return 0;
    }
    char out = 0;
    return ::poll(&item, 1, timeout_ms) == 1 && ::read(STDIN_FILENO, &out, 1) == 1 ? out : '\0';
  }

  // Overwrites line by line, so that nothing flickers.
  void draw(const std::vector<std::string>& lines) {
    out_ << "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) out_ << lines[i] << "\x1b[K" << (i + 1 < lines.size() ? "\r\n" : "");
    out_ << "\x1b[J" << std::flush;
  }

 private:
  std::ostream& out_;
  termios before_{};
  bool keys_ = false;
};

// Looks back as far as the widest terminal shows.
constexpr std::size_t kLagsMax = 240;

void remember_lag(std::vector<std::optional<std::int64_t>>& lags_ms, std::optional<std::int64_t> lag) {
  if (lags_ms.size() == kLagsMax) lags_ms.erase(lags_ms.begin());
  lags_ms.push_back(lag);
}

TopFacts look(Context& context, const Settings& settings, std::vector<std::optional<std::int64_t>> before = {}) {
  TopFacts facts;
  facts.lags_ms = std::move(before);
  facts.lags_every_ms = kInterval.count();
  const milliseconds patience(std::min(settings.timeout_ms, kMemberTimeoutMs));
  facts.view = look_at_cluster(context.connections, settings.address(), timeout_of(settings), patience);
  facts.verdict = judge(facts.view);
  remember_lag(facts.lags_ms, worst_lag_ms(facts.view));
  const LackingQuestion question(facts.view);
  if (!question.needed()) return facts;
  for (const NodeView& node : facts.view.nodes) {
    if (!node.status) continue;
    try {
      const ClientReply reply = context.connections.call(node.address, question.request(), patience);
      if (reply.status == Status::kOk) facts.lacked[node.name] = question.counts(node, reply.document);
    } catch (const ClientError&) {
      // Then how much it is not known.
    }
  }
  return facts;
}

}  // namespace

ExitCode run_top(Context& context, const CommandLine& line) {
  const Console& console = context.console;
  TopFacts facts = look(context, line.settings);
  if (console.width == 0) {
    for (const std::string& text : top_screen(facts, kNoTerminal, console)) console.out << text << '\n';
    return ExitCode::kOk;
  }
  Terminal terminal(console.out);
  auto looked_at = Clock::now();
  TopSize drawn{};
  bool news = true;
  for (;;) {
    const TopSize size = Terminal::size();
    if (news || size.columns != drawn.columns || size.rows != drawn.rows) {
      terminal.draw(top_screen(facts, size, console));
      drawn = size;
      news = false;
    }
    const char key = terminal.key(kLookMs);
    if (key == 'q' || key == 'Q' || told_to_end != 0) return ExitCode::kOk;
    if (Clock::now() - looked_at < kInterval) continue;
    try {
      facts = look(context, line.settings, facts.lags_ms);
      looked_at = Clock::now();
    } catch (const ClientError& error) {
      facts.problem = error.what();
      remember_lag(facts.lags_ms, std::nullopt);
      facts.age_ms = std::chrono::duration_cast<milliseconds>(Clock::now() - looked_at).count();
    }
    news = true;
  }
}

}  // namespace kith::tools
