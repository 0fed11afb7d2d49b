// tests/soak/main.cc -- kith-soak.
#include <signal.h>

#include <cstdio>
#include <exception>
#include <random>

#include "tests/soak/options.h"

namespace {

std::atomic<bool> interrupted{false};

}  // namespace

int main(int argc, char** argv) {
  using namespace kith::soak;
  std::random_device device;
  const auto parsed = parse_options({argv + 1, argv + argc}, device());
  if (const auto* none = std::get_if<NoRun>(&parsed)) {
    std::fputs(none->text.c_str(), none->code == 0 ? stdout : stderr);
    return none->code;
  }
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, [](int) { interrupted = true; });
  const SoakOptions options = completed(std::get<SoakOptions>(parsed));
  std::printf("kith-soak --minutes %g --seed %llu --nodes %zu --kills %zu --writes %llu\n", options.minutes, static_cast<unsigned long long>(options.seed), options.nodes,
              options.kills, static_cast<unsigned long long>(options.writes));
  const auto say = [](const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
  };
  say("");
  try {
    const SoakResult result = run_soak(options, say, interrupted);
    say("\n" + result.table);
    for (const std::string& finding : result.findings) say("FOUND " + finding);
    if (!result.good) say("data and logs of the nodes: " + result.directory);
    return !result.good ? 1 : result.interrupted ? 130 : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kith-soak: %s\n", error.what());
    return 1;
  }
}
