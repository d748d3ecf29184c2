#include <signal.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/mutation.h"
#include "tests/fuzz/target.h"

// A fuzz target without libFuzzer. No argument: the seeds, then DASHCAP_FUZZ_ROUNDS mutations, the same ones each time.
// round=N: that one only. Anything else is a file with an input.
namespace {

using dashcap::FuzzSeeds;
using dashcap::Mutate;

volatile size_t current_round = 0;

// Says where it went wrong, with nothing but what a signal handler may do.
void TellRound(int signal_number) {
  char text[] = "failed; to do only this one again, give the argument round=0000000000\n";
  size_t round = current_round;
  for (char* digit = text + sizeof text - 3; *digit >= '0' && *digit <= '9'; digit--, round /= 10) {
    *digit = static_cast<char>('0' + round % 10);
  }
  (void)!::write(STDERR_FILENO, text, sizeof text - 1);
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

void Run(const std::string& input) {
  // An allocation of its own, so that AddressSanitizer sees a read behind the end.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  const std::clock_t begun = std::clock();
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  constexpr std::clock_t kSeconds = 5;
  dashcap::Require(std::clock() - begun < kSeconds * CLOCKS_PER_SEC, "an input takes less than five seconds of CPU");
}

void RunRound(size_t round, const std::vector<std::string>& seeds) {
  current_round = round;
  if (round < seeds.size()) return Run(seeds[round]);
  std::mt19937_64 random(round);
  Run(Mutate(seeds, random));
}

}  // namespace

int main(int argc, char** argv) {
  for (const int signal_number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) ::signal(signal_number, TellRound);
  const std::vector<std::string> seeds = FuzzSeeds();
  for (int i = 1; i < argc; i++) {
    const std::string argument = argv[i];
    if (argument.starts_with("round=")) {
      RunRound(std::stoul(argument.substr(6)), seeds);
      continue;
    }
    std::ifstream file(argument, std::ios::binary);
    Run({std::istreambuf_iterator<char>(file), {}});
  }
  if (argc > 1) return 0;
  for (size_t round = 0; round < seeds.size() + DASHCAP_FUZZ_ROUNDS; round++) RunRound(round, seeds);
  std::printf("%zu seeds and %d mutations\n", seeds.size(), DASHCAP_FUZZ_ROUNDS);
}
