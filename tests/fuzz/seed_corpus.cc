#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/fuzz/target.h"

// libFuzzer calls this before it reads its corpus: the directory that is the last argument gets the seeds.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::filesystem::path corpus = (*argv)[*argc - 1];
  if (*argc < 2 || corpus.string().starts_with('-') || std::filesystem::is_regular_file(corpus)) return 0;
  std::filesystem::create_directories(corpus);
  const std::vector<std::string> seeds = dashcap::FuzzSeeds();
  for (size_t i = 0; i < seeds.size(); i++) {
    std::ofstream(corpus / ("seed-" + std::to_string(i)), std::ios::binary) << seeds[i];
  }
  return 0;
}
