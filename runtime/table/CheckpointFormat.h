// The constants of saved models and of their text dumps. docs/formats/checkpoint.md and docs/formats/dump.md are the
// pages for people; a change here that a reader could notice bumps the version.
#ifndef HETER_RUNTIME_TABLE_CHECKPOINTFORMAT_H
#define HETER_RUNTIME_TABLE_CHECKPOINTFORMAT_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heter::runtime::checkpoint {

inline constexpr int64_t formatVersion = 2;

// The manifest: JSON whose last member is the XXH64 of all bytes before it.
inline constexpr std::string_view manifestName = "manifest.json";
inline constexpr std::string_view manifestFormat = "heter checkpoint";
inline constexpr std::string_view manifestChecksumOpen = ",\n  \"checksum\": \"";
inline constexpr std::string_view manifestChecksumClose = "\"\n}\n";

// Data files: blocks of u32 length, payload, u64 XXH64(payload, the block before's checksum; 0 for the first). A block
// of length 0 ends the file, and its checksum stands for the whole file. Numbers are little-endian.
inline constexpr std::string_view filePrefix = "save-";
inline constexpr std::string_view manifestSuffix = ".json"; ///< Of the manifests of older saves that are kept.
inline constexpr std::string_view rowsSuffix = ".rows";
inline constexpr std::string_view denseSuffix = ".dense";
inline constexpr std::string_view rowsMagic = "HETERROW";
inline constexpr std::string_view denseMagic = "HETERDEN";
/// What a block of a .rows file holds.
enum class RowBlock : uint32_t { Whole = 0, Short = 1, Erased = 2 };
inline constexpr size_t rowBlockBytes = size_t{1} << 20; ///< About what a block of rows holds.
inline constexpr size_t lengthBytes = 4;
inline constexpr size_t checksumBytes = 8;

// The text dump.
inline constexpr std::string_view dumpHeader = "heter dump 1";
inline constexpr int64_t dumpValuesPerLine = 8;

} // namespace heter::runtime::checkpoint

#endif // HETER_RUNTIME_TABLE_CHECKPOINTFORMAT_H
