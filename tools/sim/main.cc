// tools/sim/main.cc -- kith-sim, the simulator.
#include "tools/sim/tool.h"

int main(int argc, char** argv) { return kith::sim::tool::run_tool({argv + 1, argv + argc}); }
