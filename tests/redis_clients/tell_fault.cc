// tell_fault ADDRESS TEXT -- has a node cut or heal its links (node/faults.h), for tests that are not in C++.
#include <chrono>
#include <cstdio>
#include <exception>

#include "node/client.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: tell_fault ADDRESS TEXT\n", stderr);
    return 2;
  }
  try {
    kith::Client client = kith::Client::connect(argv[1], std::chrono::seconds(30));
    kith::Request request;
    request.op = kith::ClientOp::kFault;
    request.text = argv[2];
    const kith::ClientReply reply = client.call(request, std::chrono::seconds(30));
    if (reply.status == kith::Status::kOk) return 0;
    std::fprintf(stderr, "tell_fault: %s\n", reply.message.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tell_fault: %s\n", error.what());
  }
  return 1;
}
