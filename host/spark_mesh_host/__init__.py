"""The program of spark-mesh on a Spark: what `pulumi up` and `pulumi destroy` have done here, and what goes on after them."""
