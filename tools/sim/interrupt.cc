#include "tools/sim/interrupt.h"

#include <csignal>

namespace kith::sim::tool {
namespace {

volatile std::sig_atomic_t interrupted_flag = 0;

void take_note(int) { interrupted_flag = 1; }

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted_flag = 0;
  std::signal(SIGINT, take_note);
  std::signal(SIGTERM, take_note);
}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool InterruptGuard::interrupted() const { return interrupted_flag != 0; }

}  // namespace kith::sim::tool
