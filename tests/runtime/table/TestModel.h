// A small model for the tests of this room, with hand-written optimizer kernels in place of compiled ones.
#ifndef HETER_TESTS_RUNTIME_TABLE_TESTMODEL_H
#define HETER_TESTS_RUNTIME_TABLE_TESTMODEL_H

#include "runtime/package/Package_types.h"
#include "runtime/table/Checkpoint.h"
#include "runtime/table/ParameterStore.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace heter::runtime::test {

package::Optimizer sgd();     ///< lr 0.1
package::Optimizer adagrad(); ///< lr 0.05, epsilon 1e-10
package::Optimizer adam();    ///< lr 1e-3, betas 0.9 and 0.999, epsilon 1e-8

/// Gives the kernels of the three, called as the compiler's are.
KernelFunction resolveKernel(const std::string &symbol);

package::Table makeTable(const std::string &name, std::vector<package::Part> parts);
package::Part makePart(const std::string &name, int64_t dim, const std::string &init, double scale,
                       const package::Optimizer &optimizer);
package::Parameter makeParameter(const std::string &name, std::vector<int64_t> shape, const std::string &init,
                                 double scale, const package::Optimizer &optimizer);

/// Tables emb (9, adagrad), fm (weight 1 sgd; vector 3 adam); parameters w (3 blocks, adam), b (5, sgd), c (70,
/// adagrad).
package::PackageInfo makeModel();
/// Adds a rule to the policy of table fm.
void addRule(package::PackageInfo &info, const std::string &kind, const std::map<std::string, double> &numbers);

/// A store of one server; aborts the test if it cannot be made.
std::unique_ptr<ParameterStore> makeStore(const package::PackageInfo &info, int server = 0, int servers = 1,
                                          uint64_t seed = 42);

bool bitEqual(const std::vector<float> &a, const std::vector<float> &b);

/// The share of a store in a save that is none of several.
StatusOr<ShardInfo> writeShard(FileSystem &files, ParameterStore &store, const std::string &dir, int64_t saveNumber);
/// All of a store as a save.
Status saveCheckpoint(FileSystem &files, ParameterStore &store, const std::string &dir);

/// The servers of a cluster, or one store, with pushes and pulls cut as a client would cut them.
class TestCluster {
public:
  TestCluster(const package::PackageInfo &info, int servers, uint64_t seed = 42);
  explicit TestCluster(std::vector<std::unique_ptr<ParameterStore>> stores) : stores_(std::move(stores)) {}

  ParameterStore &store(int server) { return *stores_[static_cast<size_t>(server)]; }
  int size() const { return static_cast<int>(stores_.size()); }

  void pushRows(const PushKey &key, int64_t examples, int part, const std::vector<uint64_t> &keys,
                const std::vector<float> &gradients);
  /// `gradients` of the whole parameter.
  void pushDense(const PushKey &key, int64_t examples, int parameter, const std::vector<float> &gradients);
  void closeStep(int64_t step, const std::vector<int32_t> &microBatches, int64_t totalExamples);
  std::vector<float> pull(int part, const std::vector<uint64_t> &keys);
  std::vector<float> dense(int parameter);
  /// Everything in one vector, optimizer state included: dense by parameter, block; rows by table, key.
  std::vector<float> everything();

private:
  std::vector<std::unique_ptr<ParameterStore>> stores_;
};

/// Pushes `steps` steps of `microBatches` each with made-up gradients that depend only on the numbers.
void trainSome(TestCluster &cluster, int64_t firstStep, int64_t steps, int32_t microBatches, bool backwards = false);

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_TABLE_TESTMODEL_H
