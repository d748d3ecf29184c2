// Prints every key and value of an index table in hexadecimal, one a line, as LevelDB itself reads them.

#include <leveldb/env.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/table.h>

#include <cstdint>
#include <cstdio>
#include <memory>

namespace {

int Fail(const leveldb::Status& status) {
  std::fprintf(stderr, "index-dump: %s\n", status.ToString().c_str());
  return 1;
}

void PrintHex(const leveldb::Slice& bytes) {
  for (size_t i = 0; i < bytes.size(); i++) std::printf("%02x", static_cast<unsigned char>(bytes[i]));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: index-dump FILE\n");
    return 2;
  }
  uint64_t size = 0;
  leveldb::RandomAccessFile* opened = nullptr;
  leveldb::Status status = leveldb::Env::Default()->GetFileSize(argv[1], &size);
  if (status.ok()) status = leveldb::Env::Default()->NewRandomAccessFile(argv[1], &opened);
  if (!status.ok()) return Fail(status);
  const std::unique_ptr<leveldb::RandomAccessFile> file(opened);
  leveldb::Options options;
  options.paranoid_checks = true;
  leveldb::Table* read = nullptr;
  status = leveldb::Table::Open(options, file.get(), size, &read);
  if (!status.ok()) return Fail(status);
  const std::unique_ptr<leveldb::Table> table(read);
  const std::unique_ptr<leveldb::Iterator> entry(table->NewIterator(leveldb::ReadOptions()));
  for (entry->SeekToFirst(); entry->Valid(); entry->Next()) {
    PrintHex(entry->key());
    std::printf(" ");
    PrintHex(entry->value());
    std::printf("\n");
  }
  return entry->status().ok() ? 0 : Fail(entry->status());
}
