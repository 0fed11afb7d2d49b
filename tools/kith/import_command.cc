#include "tools/kith/import_command.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <nlohmann/json.hpp>

#include "node/view/text.h"
#include "tools/kith/ask.h"
#include "tools/kith/import_line.h"
#include "tools/kith/write_pipeline.h"

namespace kith::tools {
namespace {

constexpr std::size_t kWindow = 512;

// A message of 2 MiB in JSON: each byte as \u00NN takes six, names and quotes a little more.
constexpr std::size_t kLineBytesMax = 16 * 1024 * 1024;

struct Summary {
  std::uint64_t lines = 0;    // That say something.
  std::uint64_t written = 0;
  std::uint64_t changed = 0;  // Cells.
  std::uint64_t failed = 0;
};

class Import {
 public:
  Import(Context& context, const CommandLine& line, std::string source, std::size_t source_bytes)
      : context_(context),
        line_(line),
        source_(std::move(source)),
        progress_(context.console, "importing", source_bytes),
        pipeline_(line.settings.address(), kWindow, timeout_of(line.settings),
                  [this](std::uint64_t number, const ClientReply& reply) { take(number, reply); }) {}

  Summary run(std::istream& in) {
    std::string text;
    for (std::uint64_t number = 1; !stopped_ && next_line(in, text, number); ++number) {
      bytes_ += text.size() + 1;
      if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
      ++summary_.lines;
      submit(number, text);
      progress_.show(bytes_, summary_.written);
    }
    pipeline_.drain();
    if (in.bad()) throw CommandError(ExitCode::kFailed, "cannot read " + source_ + ": " + std::strerror(errno));
    return summary_;
  }

  std::optional<std::uint64_t> first_unanswered() const { return pipeline_.first_unanswered(); }

 private:
  bool next_line(std::istream& in, std::string& text, std::uint64_t number) {
    text.clear();
    std::streambuf& bytes = *in.rdbuf();
    for (;;) {
      const int c = bytes.sbumpc();
      if (c == std::char_traits<char>::eof()) return !text.empty();
      if (c == '\n') return true;
      text += static_cast<char>(c);
      if (text.size() > kLineBytesMax) {
        throw CommandError(ExitCode::kFailed, source_ + ", line " + std::to_string(number) + ": more than " +
                                                  bytes_in_words(kLineBytesMax) + " on one line; is this JSON lines?");
      }
    }
  }

  void submit(std::uint64_t number, const std::string& text) {
    auto parsed = parse_import_line(text, line_.settings.table);
    if (const auto* error = std::get_if<ImportError>(&parsed)) return fail(number, error->message);
    Request& request = std::get<Request>(parsed);
    request.replicas = line_.replicas;
    request.timeout_ms = request_of(line_, request.op).timeout_ms;
    try {
      pipeline_.submit(std::move(request), number);
    } catch (const ClientError& error) {
      if (error.kind() != ClientError::Kind::kLimit) throw;
      fail(number, error.what());
    }
  }

  void take(std::uint64_t number, const ClientReply& reply) {
    if (reply.status == Status::kRefused || reply.status == Status::kError) return fail(number, reply.message);
    ++summary_.written;
    summary_.changed += reply.number;
  }

  void fail(std::uint64_t number, const std::string& message) {
    ++summary_.failed;
    if (stopped_) return;
    context_.console.err << source_ << ", line " << number << ": " << message << '\n';
    stopped_ = !line_.keep_going;
  }

  Context& context_;
  const CommandLine& line_;
  std::string source_;
  Summary summary_;
  Progress progress_;
  std::size_t bytes_ = 0;
  bool stopped_ = false;
  WritePipeline pipeline_;
};

void print_summary(const Console& console, const CommandLine& line, const Summary& summary, std::int64_t ms) {
  const double seconds = static_cast<double>(std::max<std::int64_t>(ms, 1)) / 1000;
  if (line.settings.json) {
    console.out << nlohmann::ordered_json{{"lines", summary.lines},     {"written", summary.written},
                                          {"changed", summary.changed}, {"failed", summary.failed},
                                          {"seconds", seconds}}.dump()
                << '\n';
    return;
  }
  console.out << count_of(summary.written, "line", "lines") << " written, "
              << count_of(summary.changed, "cell", "cells") << " changed, in " << duration_in_words(ms) << " ("
              << count_of(static_cast<std::uint64_t>(static_cast<double>(summary.written) / seconds), "line", "lines")
              << " a second)";
  if (summary.failed > 0) console.out << "; " << count_of(summary.failed, "line", "lines") << " failed";
  console.out << '\n';
}

}  // namespace

ExitCode run_import(Context& context, const CommandLine& line) {
  const std::string& name = line.arguments[0];
  std::ifstream file;
  std::size_t size = 0;
  if (name != "-") {
    file.open(name, std::ios::binary);
    std::error_code error;
    if (!file) throw CommandError(ExitCode::kFailed, "cannot open " + name + ": " + std::strerror(errno));
    if (std::filesystem::is_directory(name)) throw CommandError(ExitCode::kFailed, name + " is a directory");
    size = static_cast<std::size_t>(std::filesystem::file_size(name, error));
    if (error) size = 0;  // A pipe: no bar, but a count.
  } else if (context.interactive) {
    throw CommandError(ExitCode::kUsage, "in the shell the input is yours: import a file");
  }
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  Summary summary;
  {
    Import import(context, line, name == "-" ? "standard input" : name, size);
    try {
      summary = import.run(name == "-" ? std::cin : file);
    } catch (const ClientError& error) {
      if (error.kind() != ClientError::Kind::kTimeout) throw;
      const auto first = import.first_unanswered();
      throw CommandError(
          ExitCode::kTimeout,
          std::string(error.what()) + (first ? "; the first of them is line " + std::to_string(*first) : ""));
    }
  }
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
  print_summary(context.console, line, summary, ms);
  return summary.failed > 0 ? ExitCode::kFailed : ExitCode::kOk;
}

}  // namespace kith::tools
