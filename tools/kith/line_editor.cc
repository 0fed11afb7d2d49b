#include "tools/kith/line_editor.h"

#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cwchar>
#include <cstdio>
#include <string_view>

namespace kith::tools {
namespace {

constexpr int kHistoryLines = 2000;

volatile std::sig_atomic_t g_interrupted = 0;
void on_interrupt(int) { g_interrupted = 1; }

// While it lives Ctrl-C interrupts reading instead of ending the process.
class InterruptGuard {
 public:
  InterruptGuard() {
    struct sigaction action {};
    action.sa_handler = on_interrupt;  // No SA_RESTART: the read has to end.
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before_);
    g_interrupted = 0;
  }
  ~InterruptGuard() { sigaction(SIGINT, &before_, nullptr); }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction before_ {};
};

std::string common_prefix(const std::vector<std::string>& words) {
  std::string prefix = words.front();
  for (const std::string& word : words) {
    const auto [end, other] = std::mismatch(prefix.begin(), prefix.end(), word.begin(), word.end());
    prefix.erase(end, prefix.end());
  }
  return prefix;
}

}  // namespace

struct LineEditor::Impl {
  EditLine* edit = nullptr;
  History* history = nullptr;
  std::string history_file;
  Candidates candidates;
  std::string prompt;
  Idle idle;
  std::mbstate_t state{};

  // SUBTLE: libedit waits for a key in a read of its own, during which nothing else could happen.
  static int read_key(EditLine* edit, wchar_t* out) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return static_cast<Impl*>(self)->next_key(out);
  }

  int next_key(wchar_t* out) {
    for (;;) {
      if (g_interrupted) return fail_interrupted();
      if (const auto news = idle()) {
        if (news->empty()) continue;
        std::printf("\n%s", news->c_str());
        std::fflush(stdout);
        el_set(edit, EL_REFRESH);
        continue;
      }
      if (g_interrupted) return fail_interrupted();
      char byte = 0;
      const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return static_cast<int>(got);
      switch (std::mbrtowc(out, &byte, 1, &state)) {
        case static_cast<std::size_t>(-2): continue;  // More bytes of it are to come.
        case static_cast<std::size_t>(-1):
          state = {};
          *out = L'?';
          return 1;
        default: return 1;
      }
    }
  }

  static int fail_interrupted() {
    errno = EINTR;
    return -1;
  }

  static char* prompt_of(EditLine* edit) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return static_cast<Impl*>(self)->prompt.data();
  }

  static unsigned char complete(EditLine* edit, int) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return static_cast<Impl*>(self)->complete_here();
  }

  unsigned char complete_here() {
    const LineInfo* line = el_line(edit);
    const std::string_view text(line->buffer, static_cast<std::size_t>(line->cursor - line->buffer));
    std::vector<std::string> words(1);
    for (const char c : text) {
      if (c != ' ') words.back() += c;
      else if (!words.back().empty()) words.emplace_back();
    }
    const std::string typed = words.back();
    words.pop_back();
    std::vector<std::string> fitting;
    for (std::string& word : candidates(words)) {
      if (word.starts_with(typed)) fitting.push_back(std::move(word));
    }
    if (fitting.empty()) return CC_REFRESH_BEEP;
    std::string more = common_prefix(fitting).substr(typed.size());
    if (fitting.size() == 1) more += ' ';
    if (!more.empty()) {
      el_insertstr(edit, more.c_str());
      return CC_REFRESH;
    }
    std::fputc('\n', stdout);
    for (const std::string& word : fitting) std::printf("%s  ", word.c_str());
    std::fputc('\n', stdout);
    return CC_REDISPLAY;
  }
};

LineEditor::LineEditor(std::string history_file, Candidates candidates) : impl_(std::make_unique<Impl>()) {
  std::setlocale(LC_CTYPE, "");
  impl_->history_file = std::move(history_file);
  impl_->candidates = std::move(candidates);
  impl_->history = history_init();
  HistEvent event;
  history(impl_->history, &event, H_SETSIZE, kHistoryLines);
  history(impl_->history, &event, H_SETUNIQUE, 1);
  if (!impl_->history_file.empty()) history(impl_->history, &event, H_LOAD, impl_->history_file.c_str());
  impl_->edit = el_init("kith", stdin, stdout, stderr);
  el_set(impl_->edit, EL_CLIENTDATA, impl_.get());
  el_set(impl_->edit, EL_PROMPT, Impl::prompt_of);
  el_set(impl_->edit, EL_EDITOR, "emacs");
  el_set(impl_->edit, EL_HIST, history, impl_->history);
  el_set(impl_->edit, EL_ADDFN, "kith-complete", "Complete a word", Impl::complete);
  el_set(impl_->edit, EL_BIND, "^I", "kith-complete", nullptr);
  el_set(impl_->edit, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

void LineEditor::while_idle(Idle idle) {
  impl_->idle = std::move(idle);
  el_set(impl_->edit, EL_GETCFN, Impl::read_key);
}

LineEditor::~LineEditor() {
  HistEvent event;
  if (!impl_->history_file.empty()) {
    // Values may be secrets: for their owner's eyes.
    history(impl_->history, &event, H_SAVE, impl_->history_file.c_str());
    chmod(impl_->history_file.c_str(), S_IRUSR | S_IWUSR);
  }
  el_end(impl_->edit);
  history_end(impl_->history);
}

std::optional<std::string> LineEditor::read(const std::string& prompt) {
  impl_->prompt = prompt;
  const InterruptGuard guard;
  // SUBTLE: libedit would print the prompt first, and what is typed between the two the terminal would echo as well.
  el_set(impl_->edit, EL_PREP_TERM, 1);
  int count = 0;
  const char* line = el_gets(impl_->edit, &count);
  if (g_interrupted) {
    el_reset(impl_->edit);
    std::fputs("^C\n", stdout);
    return "";
  }
  if (line == nullptr || count <= 0) {
    std::fputc('\n', stdout);
    return std::nullopt;
  }
  std::string text(line, static_cast<std::size_t>(count));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.find_first_not_of(" \t") != std::string::npos) {
    HistEvent event;
    history(impl_->history, &event, H_ENTER, text.c_str());
  }
  return text;
}

}  // namespace kith::tools
