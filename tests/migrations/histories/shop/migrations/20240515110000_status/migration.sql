-- AlterEnum
ALTER TYPE "OrderStatus" ADD VALUE 'RETURNED';
