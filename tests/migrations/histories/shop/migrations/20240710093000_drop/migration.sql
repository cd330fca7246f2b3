-- DropForeignKey
ALTER TABLE "Order" DROP CONSTRAINT "Order_couponCode_fkey";

-- DropIndex
DROP INDEX "Order_status_idx";

-- AlterTable
ALTER TABLE "User" DROP COLUMN "phone";

-- AlterTable
ALTER TABLE "Order" ALTER COLUMN "couponCode" SET NOT NULL;

-- DropTable
DROP TABLE "Coupon";
