#include "packet/capture_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "packet/pcap_reader.h"
#include "packet/pcapng_reader.h"

namespace dashcap {

Result<std::unique_ptr<CaptureReader>> OpenCapture(FileDescriptor file, std::string name) {
  ByteStream stream(std::move(file), std::move(name));
  const Result<std::span<const uint8_t>> magic = stream.Peek(4);
  if (!magic) return Fail(magic.error());
  if (magic->empty()) return Fail(ErrorKind::kDamaged, stream.name() + ": empty file");
  if (magic->size() == 4) {
    if (PcapReader::Recognizes(magic->first<4>())) return PcapReader::Open(std::move(stream));
    if (PcapngReader::Recognizes(magic->first<4>())) return PcapngReader::Open(std::move(stream));
  }
  return Fail(ErrorKind::kDamaged, fmt::format("{}: offset 0: expected a pcap or pcapng file, found bytes {:02x}",
                                               stream.name(), fmt::join(*magic, " ")));
}

Result<std::unique_ptr<CaptureReader>> OpenCapture(const std::string& path) {
  if (path == "-") {
    FileDescriptor input(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!input.valid()) return Fail(SystemError("open standard input"));
    return OpenCapture(std::move(input), "standard input");
  }
  Result<FileDescriptor> file = OpenFile(path, O_RDONLY);
  if (!file) return Fail(file.error());
  return OpenCapture(std::move(*file), path);
}

}  // namespace dashcap
