#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// What a fuzz target is made of. Each NAME_fuzz.cc defines both functions below. With the `fuzz` preset libFuzzer calls
// them (llvm.org/docs/LibFuzzer.html); in every other build standalone_main.cc does, over the seeds and a fixed number
// of mutations.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace dashcap {

// Small sound inputs to begin with, the same ones at each call in everything that matters.
std::vector<std::string> FuzzSeeds();

// For what has to hold whatever the input is. Ends the process, which is how libFuzzer learns of it.
inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace dashcap
